import pytest

from mmroi.structures import COCO_17, SMPL_54, annotated_joint, get_convention

# Joints as the files of these datasets name them.
COCO = (
    'nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow '
    'left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle'
).split()
MPII = (
    'r_ankle r_knee r_hip l_hip l_knee l_ankle pelvis throax upper_neck head_top r_wrist r_elbow r_shoulder '
    'l_shoulder l_elbow l_wrist'
).split()
CROWDPOSE = [*COCO[5:], 'head', 'neck']


def test_coco_and_mpii_are_the_conventions_of_these_names():
    assert tuple(map(annotated_joint, COCO)) == COCO_17
    assert tuple(map(annotated_joint, MPII)) == get_convention('mpii')
    assert list(map(annotated_joint, CROWDPOSE)) == [*COCO_17[5:], 'headtop', 'neck_extra']


@pytest.mark.parametrize(
    'name',
    ['left_hip', 'Left Hip', 'left-hip', 'LeftHip', 'leftHip', 'l_hip', 'lhip', 'L hip', 'hip_left', 'hip_L'],
)
def test_spellings(name):
    assert annotated_joint(name) == 'left_hip_extra'


def test_sides_are_not_taken_from_other_words():
    for name, joint in {
        'rear': 'right_ear',
        'lear': 'left_ear',
        'reye': 'right_eye',
        'left_big_toe': 'left_bigtoe',
    }.items():
        assert annotated_joint(name) == joint
    for name in (
        'ear',
        'shoulder',
        'left',
        'r',
        '',
        'tail',
        'left_paw',
        'face-12',
        'left_hand_root',
        'girl_hip',
    ):
        assert annotated_joint(name) is None, name


def test_names_of_smpl_that_annotators_do_not_use_stay():
    assert annotated_joint('left_hip_extra') == 'left_hip_extra'
    assert annotated_joint('spine_2') == 'spine_2' and annotated_joint('left_collar') == 'left_collar'
    assert {annotated_joint(name) for name in SMPL_54} <= set(SMPL_54)
