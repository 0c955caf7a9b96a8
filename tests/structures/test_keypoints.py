import numpy as np
import pytest
import smplx
import torch

from mmroi.body_models import SMPL
from mmroi.structures import (
    CONVENTIONS,
    H36M_TO_J14,
    SMPL_PARENTS,
    SMPL_VERTEX_IDS,
    convert_keypoints,
    flip_indices,
    get_convention,
)


@pytest.mark.parametrize(
    'convention, count',
    [
        ('smpl', 24),
        ('smpl_24', 24),
        ('smpl_45', 45),
        ('smpl_49', 49),
        ('smpl_54', 54),
        ('h36m', 17),
        ('mpi_inf_3dhp', 28),
        ('mpi_inf_3dhp_test', 17),
        ('coco', 17),
        ('mpii', 16),
        ('lsp', 14),
        ('pw3d', 18),
        ('openpose_25', 25),
        ('human_data', 190),
    ],
)
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


def test_vertex_ids_are_those_of_smplx():
    """In its order, under our names."""
    ids = smplx.vertex_ids.vertex_ids['smplh']
    reference = smplx.vertex_joint_selector.VertexJointSelector(ids)
    assert list(SMPL_VERTEX_IDS.values()) == reference.extra_joints_idxs.tolist()
    for name, vertex in SMPL_VERTEX_IDS.items():
        side, _, part = name.rpartition('_')
        theirs = next(key for key, value in ids.items() if value == vertex).lower()
        assert theirs == side[:1] + part


def test_smpl_54_continues_the_skeleton_with_vertices_and_extra_regressors():
    names = get_convention('smpl_54')
    assert names[:24] == get_convention('smpl')
    # Positions that SPIN's joint map and smplx document.
    documented = {
        15: 'head',
        24: 'nose',
        25: 'right_eye',
        29: 'left_bigtoe',
        34: 'right_heel',
        35: 'left_thumb',
        45: 'right_hip_extra',
        48: 'headtop',
        49: 'pelvis_extra',
        53: 'head_extra',
    }
    assert {index: names[index] for index in documented} == documented


def test_parents_form_a_mirror_symmetric_tree():
    assert len(SMPL_PARENTS) == 24 and SMPL_PARENTS[0] == -1
    assert all(parent < child for child, parent in enumerate(SMPL_PARENTS))
    flip = flip_indices('smpl')
    assert all(SMPL_PARENTS[flip[i]] == flip[SMPL_PARENTS[i]] for i in range(1, 24))


def test_j14_runs_from_right_ankle_to_head():
    names = [get_convention('h36m')[i].removesuffix('_extra') for i in H36M_TO_J14]
    assert names == [
        'right_ankle',
        'right_knee',
        'right_hip',
        'left_hip',
        'left_knee',
        'left_ankle',
        'right_wrist',
        'right_elbow',
        'right_shoulder',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
        'neck',
        'head',
    ]


# Jaw and head, which MMHuman3D calls head_extra and headtop.
_HEAD = {'h36m': (9, 10), 'mpi_inf_3dhp': (6, 7), 'mpi_inf_3dhp_test': (16, 0)}


@pytest.mark.parametrize('convention', CONVENTIONS)
def test_names_are_those_of_mmhuman3d(convention, import_mmhuman3d):
    factory = import_mmhuman3d('core.conventions.keypoints_mapping').KEYPOINTS_FACTORY
    names = list(get_convention(convention))
    if convention in _HEAD:
        jaw, head = _HEAD[convention]
        assert (names[jaw], names[head]) == ('jaw_extra', 'head_extra')
        names[jaw], names[head] = 'head_extra', 'headtop'
    assert names == list(factory[convention])


# Joints of each data set, and where SPIN's scripts (datasets/preprocess) put them among its 24.
_SLOTS_OF_17 = (14, 3, 4, 5, 2, 1, 0, 16, 12, 17, 18, 9, 10, 11, 8, 7, 6)
_SPIN_SLOTS = {
    'h36m': (range(17), _SLOTS_OF_17),
    'mpi_inf_3dhp': ((4, 18, 19, 20, 23, 24, 25, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16), _SLOTS_OF_17),
    'mpi_inf_3dhp_test': ((14, 11, 12, 13, 8, 9, 10, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4), _SLOTS_OF_17),
    'coco': (range(17), (19, 20, 21, 22, 23, 9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0)),
    'mpii': (range(16), (0, 1, 2, 3, 4, 5, 14, 15, 12, 13, 6, 7, 8, 9, 10, 11)),
    'lsp': (range(14), range(14)),
}


@pytest.mark.parametrize('convention', _SPIN_SLOTS)
def test_every_joint_is_where_spin_puts_it(convention):
    joints, slots = _SPIN_SLOTS[convention]
    names, spin = get_convention(convention), get_convention('smpl_24')
    assert [names[i] for i in joints] == [spin[i] for i in slots]
    # Its 24 have nothing of what SPIN leaves out, the spine and the feet of MPI-INF-3DHP.
    assert not {name for i, name in enumerate(names) if i not in joints} & set(spin)


def test_evaluated_joints_of_h36m_are_those_of_spins_24():
    """SPIN compares H36M_TO_J17 of the prediction with J24_TO_J17 of the label."""
    h36m_to_j17 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10, 0, 7, 9)
    j24_to_j17 = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 18, 14, 16, 17)
    h36m, spin = get_convention('h36m'), get_convention('smpl_24')
    assert [h36m[i] for i in h36m_to_j17] == [spin[i] for i in j24_to_j17]
    assert H36M_TO_J14 == h36m_to_j17[:14]


def test_top_of_the_head_is_another_point():
    assert [name for name in CONVENTIONS if 'headtop' in get_convention(name)] == [
        'smpl_24',
        'smpl_49',
        'smpl_54',
        'mpii',
        'lsp',
        'human_data',
    ]
    for name, joint in dict(mpii=9, lsp=13, smpl_24=13, smpl_49=38, smpl_54=48).items():
        assert get_convention(name)[joint] == 'headtop'


def test_names_of_h36m_are_points_of_the_body_model():
    """The names tell which joints are the same point, so the regressors must agree on it.

    One row of the open body does not: its Human3.6M head lies at the top of the head.
    """
    body = SMPL()
    joints = body(*(torch.zeros(1, n) for n in (3, 69, 10, 3)))
    by_name = dict(zip(get_convention('smpl_54'), joints.joints[0], strict=True))
    for index, name in enumerate(get_convention('h36m')):
        if name.endswith('_extra') and name != 'head_extra':
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
    with pytest.raises(ValueError, match='known: .*smpl_54'):
        get_convention(['smpl_54'])


def test_convert_refuses_another_number_of_joints():
    with pytest.raises(ValueError, match=r'coco keypoints .* \(\.\.\., 17, D\), got \(4, 18, 3\)'):
        convert_keypoints(np.zeros((4, 18, 3)), 'coco', 'smpl_54')
