import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.structures import (
    CONVENTIONS,
    H36M_TO_J14,
    SMPL_PARENTS,
    convert_keypoints,
    flip_indices,
    get_convention,
)


@pytest.mark.parametrize('convention, count', [
    ('smpl', 24), ('smpl_24', 24), ('smpl_45', 45), ('smpl_49', 49), ('smpl_54', 54), ('h36m', 17),
    ('mpi_inf_3dhp', 28), ('mpi_inf_3dhp_test', 17), ('coco', 17), ('mpii', 16), ('lsp', 14), ('pw3d', 18),
    ('openpose_25', 25), ('human_data', 190)])
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


# Joints that MMHuman3D calls head_extra though SPIN, whose regressor has both points, takes them for the jaw.
_JAW = {'h36m': 9, 'mpi_inf_3dhp': 6, 'mpi_inf_3dhp_test': 16}


@pytest.mark.parametrize('convention', CONVENTIONS)
def test_names_are_those_of_mmhuman3d(convention, import_mmhuman3d):
    factory = import_mmhuman3d('core.conventions.keypoints_mapping').KEYPOINTS_FACTORY
    names = list(get_convention(convention))
    if convention in _JAW:
        assert names[_JAW[convention]] == 'jaw_extra'
        names[_JAW[convention]] = 'head_extra'
    assert names == list(factory[convention])


def test_joint_9_of_h36m_is_the_jaw_of_the_body_model():
    """The names tell which joints are the same point, so the regressors must agree on it."""
    body = SMPL()
    joints = body(*(torch.zeros(1, n) for n in (3, 69, 10, 3)))
    by_name = dict(zip(get_convention('smpl_54'), joints.joints[0], strict=True))
    for index, name in enumerate(get_convention('h36m')):
        if name.endswith('_extra') or name == 'headtop':
            torch.testing.assert_close(joints.joints_h36m[0, index], by_name[name], atol=0.002, rtol=0)
    assert (joints.joints_h36m[0, 9] - by_name['head_extra']).norm() > 0.08


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
