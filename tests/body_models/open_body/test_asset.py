"""The shipped npz: SMPL's format, mirror symmetry, landmarks in place, betas that all matter."""

import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN_BODY
from mmroi.structures import SMPL_VERTEX_IDS

FLIP = np.array([-1.0, 1.0, 1.0])
MIRROR_JOINTS = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
MIRROR_H36M = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]


def test_size_and_provenance() -> None:
    assert OPEN_BODY.stat().st_size <= 1.5 * 2**20
    with np.load(OPEN_BODY, allow_pickle=False) as archive:
        provenance = str(archive['provenance'])
    assert 'CC0' in provenance and 'Apache-2.0' in provenance and 'build_open_body.py' in provenance


def test_mesh_is_closed(arrays: dict[str, np.ndarray]) -> None:
    faces = arrays['f'].astype(np.int64)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)  # consistent winding
    assert directed == {(b, a) for a, b in directed}  # no border
    assert 6890 - len(edges) // 2 + 13776 == 2  # Euler: one closed surface without holes
    corners = arrays['v_template'][faces]
    volume = np.einsum('fi,fi->', corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert 0.045 < volume < 0.085  # positive: faces wind outwards; an adult's litres


def test_mirror_symmetric(arrays: dict[str, np.ndarray], mirror: np.ndarray) -> None:
    assert np.array_equal(mirror[mirror], np.arange(6890)) and len(set(mirror.tolist())) == 6890
    template = arrays['v_template']
    assert np.abs(template[mirror] * FLIP - template).max() < 1e-4
    assert {frozenset(face) for face in arrays['f'].tolist()} == {
        frozenset(face) for face in mirror[arrays['f']].tolist()
    }
    np.testing.assert_array_equal(arrays['shapedirs'][mirror] * FLIP[:, None], arrays['shapedirs'])
    np.testing.assert_allclose(arrays['weights'][mirror][:, MIRROR_JOINTS], arrays['weights'], atol=1e-6)
    for key, rows in (('J_regressor', MIRROR_JOINTS), ('J_regressor_h36m', MIRROR_H36M)):
        np.testing.assert_allclose(arrays[key][rows][:, mirror], arrays[key], atol=1e-6)


def test_mirrored_pose_gives_the_mirrored_mesh(smpl: SMPL, mirror: np.ndarray) -> None:
    pose = 0.5 * torch.randn(2, 24, 3)
    mirrored = pose[:, MIRROR_JOINTS] * torch.tensor([1.0, -1.0, -1.0])
    betas = torch.randn(2, 10)
    one, other = (smpl(p[:, 0], p[:, 1:], betas) for p in (pose, mirrored))
    flip = torch.from_numpy(FLIP).float()
    torch.testing.assert_close(other.vertices, one.vertices[:, mirror] * flip, atol=2e-5, rtol=0)
    torch.testing.assert_close(other.joints_h36m, one.joints_h36m[:, MIRROR_H36M] * flip, atol=2e-5, rtol=0)


def test_regressors_and_weights_are_averages(arrays: dict[str, np.ndarray]) -> None:
    for key in ('J_regressor', 'J_regressor_h36m', 'J_regressor_extra', 'weights'):
        assert arrays[key].min() >= 0
        np.testing.assert_allclose(arrays[key].sum(1), 1, atol=1e-5)


def test_landmarks(arrays: dict[str, np.ndarray]) -> None:
    vertices = arrays['v_template']
    joints = dict(enumerate(arrays['J_regressor'] @ vertices))
    height = np.ptp(vertices[:, 1])
    assert 1.6 < height < 1.8
    assert (
        abs(vertices[SMPL_VERTEX_IDS['nose'], 0]) < 1e-6
        and vertices[SMPL_VERTEX_IDS['nose'], 2] > joints[15][2] + 0.08
    )
    for left, right in (
        ('left_eye', 'right_eye'),
        ('left_ear', 'right_ear'),
        ('left_bigtoe', 'right_bigtoe'),
        ('left_heel', 'right_heel'),
        ('left_smalltoe', 'right_smalltoe'),
        ('left_thumb', 'right_thumb'),
        ('left_pinky', 'right_pinky'),
    ):
        assert vertices[SMPL_VERTEX_IDS[left], 0] > 0.01  # left is at +x
        np.testing.assert_allclose(
            vertices[SMPL_VERTEX_IDS[right]], vertices[SMPL_VERTEX_IDS[left]] * FLIP, atol=1e-6
        )
    ground = vertices[:, 1].min()
    for name in ('left_bigtoe', 'left_smalltoe', 'left_heel'):
        assert vertices[SMPL_VERTEX_IDS[name], 1] < ground + 0.05
    heel, small_toe, big_toe = (
        vertices[SMPL_VERTEX_IDS[name], 2] for name in ('left_heel', 'left_smalltoe', 'left_bigtoe')
    )
    assert heel < joints[7][2] < small_toe < big_toe
    assert vertices[SMPL_VERTEX_IDS['left_bigtoe'], 0] < vertices[SMPL_VERTEX_IDS['left_smalltoe'], 0]
    for name in ('left_index', 'left_middle', 'left_ring', 'left_pinky'):
        assert 0.12 < vertices[SMPL_VERTEX_IDS[name], 0] - joints[20][0] < 0.22
    fingers = vertices[
        [
            SMPL_VERTEX_IDS[name]
            for name in ('left_thumb', 'left_index', 'left_middle', 'left_ring', 'left_pinky')
        ],
        2,
    ]
    assert (np.diff(fingers) < 0).all()  # palms down: the thumb in front
    assert vertices[SMPL_VERTEX_IDS['left_ear'], 0] == pytest.approx(
        vertices[SMPL_VERTEX_IDS['left_eye'], 0], abs=0.08
    )
    assert vertices[SMPL_VERTEX_IDS['left_eye'], 1] > vertices[SMPL_VERTEX_IDS['nose'], 1]


def test_joints_are_where_anatomy_says(arrays: dict[str, np.ndarray]) -> None:
    joints = arrays['J_regressor'] @ arrays['v_template']
    assert joints[1, 0] > 0.05 and joints[16, 0] > 0.1  # left hip and shoulder at +x
    column = joints[[0, 3, 6, 9, 12, 15], 1]
    assert (np.diff(column) > 0.05).all()  # pelvis to head upwards
    assert (np.diff(joints[[1, 4, 7], 1]) < -0.3).all()  # hip, knee, ankle downwards
    assert (np.diff(joints[[16, 18, 20], 0]) > 0.2).all()  # shoulder, elbow, wrist outwards
    assert np.ptp(joints[[16, 18, 20], 1]) < 0.01  # T-pose
    h36m = arrays['J_regressor_h36m'] @ arrays['v_template']
    np.testing.assert_allclose(h36m[[2, 3, 12, 13]], joints[[4, 7, 18, 20]], atol=0.01)
    extra = arrays['J_regressor_extra'] @ arrays['v_template']
    assert extra[3, 1] > arrays['v_template'][:, 1].max() - 0.03  # head top
    assert extra[0, 0] < 0 < extra[1, 0]  # right hip first


def test_regressed_limbs_follow_the_joints_when_posed(smpl: SMPL) -> None:
    output = smpl(torch.zeros(8, 3), 0.3 * torch.randn(8, 69), torch.randn(8, 10))
    error = (
        output.joints_h36m[:, [2, 3, 5, 6, 12, 13, 15, 16]] - output.joints[:, [4, 7, 5, 8, 18, 20, 19, 21]]
    ).norm(dim=-1)
    assert error.mean() < 0.006


def test_all_betas_matter(arrays: dict[str, np.ndarray]) -> None:
    variance = (arrays['shapedirs'].astype(np.float64) ** 2).sum(1).mean(0)
    assert variance[0] / variance.sum() <= 0.505  # stature holds half at most
    assert np.sqrt(variance).min() > 0.004  # 4 mm per unit
    extremes = [arrays['v_template'] + sign * 3 * arrays['shapedirs'][..., 0] for sign in (-1, 1)]
    heights = [np.ptp(vertices[:, 1]) for vertices in extremes]
    assert 1.45 < heights[0] < 1.6 and 1.8 < heights[1] < 1.95


def test_pose_blend_shapes_keep_volume(smpl: SMPL, arrays: dict[str, np.ndarray]) -> None:
    """A straight wrist twisted by 90 degrees must not collapse as linear blend skinning alone does."""
    pose = torch.zeros(1, 23, 3)
    pose[0, 19, 0] = np.pi / 2  # left wrist (joint 20) about the arm's axis
    rest, twisted = (smpl(torch.zeros(1, 3), p, torch.zeros(1, 10)).vertices[0] for p in (0 * pose, pose))
    weights = torch.from_numpy(arrays['weights'])
    blended = ((weights[:, 20] > 0.3) & (weights[:, 20] < 0.7)).nonzero().squeeze(1)
    wrist = smpl(torch.zeros(1, 3), pose, torch.zeros(1, 10)).joints[0, 20]
    radii = [(vertices[blended] - wrist)[:, 1:].norm(dim=1).mean() for vertices in (rest, twisted)]
    share = weights[blended, 20]
    collapse = (1 - 2 * share * (1 - share)).sqrt().mean()  # of plain linear blending at 90 degrees
    assert radii[1] / radii[0] > (1 + collapse) / 2
