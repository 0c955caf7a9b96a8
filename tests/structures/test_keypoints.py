import numpy as np
import pytest

from mmroi.structures import (
    CONVENTIONS,
    H36M_TO_J14,
    SMPL_PARENTS,
    convert_keypoints,
    flip_indices,
    get_convention,
)


@pytest.mark.parametrize('convention, count', [('smpl', 24), ('smpl_24', 24), ('smpl_54', 54), ('h36m', 17),
                                               ('coco', 17), ('human_data', 190)])
def test_names_are_unique_and_complete(convention, count):
    names = get_convention(convention)
    assert len(names) == len(set(names)) == count


@pytest.mark.parametrize('convention', CONVENTIONS)
def test_flip_exchanges_left_and_right_and_is_an_involution(convention):
    names, flip = get_convention(convention), flip_indices(convention)
    assert [flip[i] for i in flip] == list(range(len(names)))
    for name, partner in zip(names, flip, strict=True):
        if name.startswith(('left_', 'right_')):
            assert names[partner].split('_', 1)[1] == name.split('_', 1)[1]
            assert names[partner][0] != name[0]
        else:
            assert names[partner] == name


@pytest.mark.parametrize('convention', [c for c in CONVENTIONS if c != 'human_data'])
def test_human_data_holds_every_joint_of_the_others(convention):
    assert set(get_convention(convention)) <= set(get_convention('human_data'))


def test_smpl_54_continues_the_skeleton_with_smplx_vertices_and_extra_regressors():
    names = get_convention('smpl_54')
    assert names[:24] == get_convention('smpl')
    # Positions that SPIN's joint map and smplx document.
    documented = {15: 'head', 24: 'nose', 25: 'right_eye', 29: 'left_bigtoe', 34: 'right_heel',
                  35: 'left_thumb', 45: 'right_hip_extra', 48: 'headtop', 49: 'pelvis_extra',
                  53: 'head_extra'}
    assert {index: names[index] for index in documented} == documented


def test_parents_form_a_mirror_symmetric_tree():
    assert len(SMPL_PARENTS) == 24 and SMPL_PARENTS[0] == -1
    assert all(parent < child for child, parent in enumerate(SMPL_PARENTS))
    flip = flip_indices('smpl')
    assert all(SMPL_PARENTS[flip[i]] == flip[SMPL_PARENTS[i]] for i in range(1, 24))


def test_j14_runs_from_right_ankle_to_head_top():
    names = [get_convention('h36m')[i].removesuffix('_extra') for i in H36M_TO_J14]
    assert names == [
        'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
        'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'neck', 'headtop']


def test_convert_places_each_joint_by_name():
    coco = np.arange(2 * 17 * 3, dtype=np.float32).reshape(2, 17, 3)
    converted, mask = convert_keypoints(coco, 'coco', 'smpl_54')
    assert converted.shape == (2, 54, 3) and converted.dtype == np.float32 and mask.dtype == bool
    names = get_convention('smpl_54')
    for i, name in enumerate(get_convention('coco')):
        np.testing.assert_array_equal(converted[:, names.index(name)], coco[:, i])
    assert mask.sum() == 17
    assert not converted[:, ~mask].any()


@pytest.mark.parametrize('convention', CONVENTIONS)
def test_convert_through_human_data_and_back_loses_nothing(convention):
    keypoints = np.random.default_rng(0).normal(size=(3, len(get_convention(convention)), 4))
    wide, _ = convert_keypoints(keypoints, convention, 'human_data')
    back, mask = convert_keypoints(wide, 'human_data', convention)
    assert mask.all()
    np.testing.assert_array_equal(back, keypoints)


def test_unknown_convention_names_the_known_ones():
    with pytest.raises(ValueError, match='smpl_55.*known: .*smpl_54'):
        get_convention('smpl_55')


def test_convert_refuses_another_number_of_joints():
    with pytest.raises(ValueError, match=r'coco keypoints .* \(\.\.\., 17, D\), got \(4, 18, 3\)'):
        convert_keypoints(np.zeros((4, 18, 3)), 'coco', 'smpl_54')
