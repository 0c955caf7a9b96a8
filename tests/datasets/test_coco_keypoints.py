"""Keypoint files as COCO, CrowdPose, AI Challenger and MPII's converters write them."""

import json

import numpy as np
import pytest

from mmroi.datasets.coco_keypoints import read_coco_keypoints
from mmroi.structures import SMPL_54

BODY = (
    'left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee '
    'right_knee left_ankle right_ankle'
).split()
COCO = 'nose left_eye right_eye left_ear right_ear'.split() + BODY
AIC = [f'{side}_{part}' for side in ('right', 'left') for part in ('shoulder', 'elbow', 'wrist')]
AIC += [f'{side}_{part}' for side in ('right', 'left') for part in ('hip', 'knee', 'ankle')]
AIC += ['head_top', 'neck']
MPII = 'r_ankle r_knee r_hip l_hip l_knee l_ankle pelvis throax upper_neck head_top r_wrist'.split()


def keypoints(count, visible=2):
    """Joint k lies at (10 k, 10 k + 1)."""
    return [float(value) for k in range(count) for value in (10 * k, 10 * k + 1, visible)]


def person(count=17, **more):
    return dict(
        dict(id=3, image_id=1, category_id=1, bbox=[5, 6, 20, 40], keypoints=keypoints(count)), **more
    )


@pytest.fixture
def write(tmp_path):
    def write(*people, names=COCO, **more):
        content = dict(
            images=[dict(id=1, file_name='val2017/a.jpg', height=60, width=80, license=1)],
            annotations=list(people),
            categories=[
                dict(id=1, name='person', supercategory='person', keypoints=names, skeleton=[[1, 2]])
            ],
        )
        path = tmp_path / 'keypoints.json'
        path.write_text(json.dumps({**content, **more}))
        return path

    return write


def joints(annotated):
    return {
        SMPL_54[k]: annotated.keypoints[k, :2].tolist() for k in np.flatnonzero(annotated.keypoints[:, 2])
    }


def test_coco(write):
    crowd = person(id=8, iscrowd=1, segmentation=dict(counts=[3, 4], size=[60, 80]))
    small = person(id=9, num_keypoints=0, keypoints=[0] * 51, bbox=[1, 1, 2, 2])
    hidden = keypoints(17)
    hidden[2], hidden[5], hidden[6:9] = 1, 0, [0, 0, 0]
    read = read_coco_keypoints(
        write(person(keypoints=hidden, segmentation=[[1, 2, 3, 4, 5, 6]]), crowd, small)
    )
    (image,) = read.images
    assert (image.file_name, image.size) == ('val2017/a.jpg', (60, 80))
    (found,) = image.people
    assert found.annotation_id == 3 and found.bbox.tolist() == [5, 6, 25, 46]
    assert image.others.tolist() == [[1, 1, 3, 3]]
    assert read.skipped == {'crowds': 1, 'people without keypoints': 1}
    known = joints(found)
    assert 'left_eye' not in known and 'right_eye' not in known and len(known) == 15
    assert (
        known['nose'] == [0, 1]
        and known['left_hip_extra'] == [110, 111]
        and known['right_ankle'] == [160, 161]
    )
    assert set(np.unique(found.keypoints[:, 2])) == {0, 1}


def test_confidences_of_a_detector_are_kept_and_what_is_not_labeled_may_be_nan(write):
    mixed = keypoints(17)
    mixed[2::3] = [0.05, 0.7, 1.0, 2.0] + [0.5] * 13
    mixed[-3:] = [float('nan'), float('nan'), 0]
    (found,) = read_coco_keypoints(write(person(keypoints=mixed))).images[0].people
    confidence = dict(zip(SMPL_54, found.keypoints[:, 2].tolist(), strict=True))
    assert [confidence[name] for name in ('nose', 'left_eye', 'right_eye', 'left_ear')] == [0.05, 0.7, 1, 1]
    assert confidence['right_ankle'] == 0 and np.isfinite(found.keypoints).all()


def test_visible_only(write):
    mixed = keypoints(17)
    mixed[2::3] = [1] * 10 + [2] * 7
    path = write(person(keypoints=mixed))
    assert len(joints(read_coco_keypoints(path).images[0].people[0])) == 17
    assert len(joints(read_coco_keypoints(path, visible_only=True).images[0].people[0])) == 7
    with pytest.raises(
        ValueError, match=r'keypoints.json: nobody has keypoints \(1 people without keypoints\)'
    ):
        read_coco_keypoints(write(person(keypoints=keypoints(17, visible=1))), visible_only=True)


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        ([*BODY, 'head', 'neck'], {'left_shoulder': 0, 'headtop': 12, 'neck_extra': 13, 'right_ankle': 11}),
        (AIC, {'right_shoulder': 0, 'left_wrist': 5, 'right_hip_extra': 6, 'headtop': 12, 'neck_extra': 13}),
        (
            MPII,
            {'right_ankle': 0, 'left_hip_extra': 3, 'pelvis_extra': 6, 'thorax_extra': 7, 'neck_extra': 8},
        ),
        (COCO[::-1], {'right_ankle': 0, 'nose': 16}),
    ],
    ids=['crowdpose', 'aic', 'mpii', 'reversed'],
)
def test_joints_are_found_by_their_names(write, names, expected):
    known = joints(read_coco_keypoints(write(person(len(names)), names=names)).images[0].people[0])
    assert len(known) == len(names)
    for name, k in expected.items():
        assert known[name] == [10 * k, 10 * k + 1]


def test_unknown_names_are_an_error_or_counted(write):
    path = write(person(3), names=['nose', 'tail', 'left_paw'])
    with pytest.raises(ValueError, match=r'keypoints.json: .* lacks: tail, left_paw; leave them out'):
        read_coco_keypoints(path)
    read = read_coco_keypoints(path, skip_unknown=True)
    assert joints(read.images[0].people[0]) == {'nose': [0, 1]}
    assert read.skipped == {'unknown joints (tail, left_paw)': 2}


def test_files_without_names(write):
    named = read_coco_keypoints(write(person())).images[0].people[0]
    for categories in ([dict(id=1, name='person')], []):
        path = write(person(), categories=categories)
        with pytest.raises(
            ValueError, match='no names of the keypoints in its categories; .*--convention coco'
        ):
            read_coco_keypoints(path)
        given = read_coco_keypoints(path, convention='coco').images[0].people[0]
        np.testing.assert_array_equal(given.keypoints, named.keypoints)


def test_several_categories(write):
    dog = dict(id=2, name='dog', keypoints=['nose', 'tail'])
    people = dict(id=1, name='person', keypoints=COCO)
    path = write(person(), person(2, id=4, category_id=2), categories=[dog, people])
    assert [one.annotation_id for one in read_coco_keypoints(path).images[0].people] == [3]
    assert read_coco_keypoints(path, 'dog', skip_unknown=True).images[0].people[0].annotation_id == 4
    with pytest.raises(ValueError, match="keypoints.json: has no category 'human', only 'dog', 'person'"):
        read_coco_keypoints(path, 'human')


def test_people_without_a_box_and_images_without_people(write):
    images = [dict(id=2, file_name='empty.jpg'), dict(id=1, file_name='a.jpg')]
    without = person(id=5)
    del without['bbox']
    read = read_coco_keypoints(write(person(bbox=[5, 6, 0, 40]), without, person(), images=images))
    assert [image.file_name for image in read.images] == ['a.jpg'] and read.images[0].size is None
    assert read.skipped == {'people without a box': 2}


@pytest.mark.parametrize(
    ('broken', 'message'),
    [
        (dict(keypoints=keypoints(16)), 'annotation 3 has 48 numbers in keypoints; .* of 17 joints are 51'),
        (dict(keypoints=keypoints(17, visible=3)), 'annotation 3 has keypoints .* visibility above 2'),
        (dict(keypoints=[float('nan'), 1, 2] * 17), 'annotation 3 has keypoints that are not numbers'),
        (dict(bbox=[1, 2, 3]), 'bbox of annotation 3 is not x, y, width, height'),
        (dict(image_id=5), 'annotation of image 5, which is not in its images'),
        (dict(keypoints='abc'), 'could not convert'),
    ],
)
def test_broken_annotations_are_named(write, broken, message):
    with pytest.raises(ValueError, match=rf'keypoints\.json: .*{message}'):
        read_coco_keypoints(write(person(**broken)))


def test_two_names_of_one_joint(write):
    with pytest.raises(ValueError, match='several names of one joint: neck, upper_neck; keep one'):
        read_coco_keypoints(write(person(2), names=['neck', 'upper_neck']))


def test_other_files(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.json'):
        read_coco_keypoints(tmp_path / 'absent.json')
    (tmp_path / 'results.json').write_text('[]')
    with pytest.raises(ValueError, match=r'results.json: holds a list'):
        read_coco_keypoints(tmp_path / 'results.json')
    with pytest.raises(ValueError, match=r"an entry lacks 'file_name'"):
        read_coco_keypoints(write(person(), images=[dict(id=1)]))
    with pytest.raises(ValueError, match=r'nobody has keypoints \(no annotations of people\)'):
        read_coco_keypoints(write())
