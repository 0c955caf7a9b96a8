import numpy as np
import pytest
from scipy import sparse

from mmroi.body_models.open_body.topology import (
    HalfMesh,
    Symmetry,
    _barycentric_transfer,
    decimate_half,
    mirror_half,
)
from mmroi.structures import SMPL_VERTEX_IDS

FLIP = np.array([-1.0, 1.0, 1.0])
LEFT = [name for name in SMPL_VERTEX_IDS if name.startswith('left')]


@pytest.fixture(scope='module')
def half(arrays: dict[str, np.ndarray], mirror: np.ndarray) -> HalfMesh:
    """The left half of the shipped body."""
    template, faces = arrays['v_template'], arrays['f'].astype(np.int64)
    central = mirror == np.arange(6890)
    kept = np.flatnonzero(central | (template[:, 0] > 0))
    index = np.full(6890, -1)
    index[kept] = np.arange(len(kept))
    own = index[faces]
    return HalfMesh(
        template[kept], own[(own >= 0).all(1)], central[kept], sparse.eye(len(kept), format='csr')
    )


@pytest.fixture(scope='module')
def landmarks(arrays: dict[str, np.ndarray], half: HalfMesh) -> dict[str, int]:
    points = {name: arrays['v_template'][SMPL_VERTEX_IDS[name]] for name in ('nose', *LEFT)}
    return {name: int(np.linalg.norm(half.points - point, axis=1).argmin()) for name, point in points.items()}


@pytest.fixture(scope='module')
def whole(half: HalfMesh, landmarks: dict[str, int]) -> Symmetry:
    return mirror_half(half, landmarks)


def test_two_halves_make_a_closed_mesh_of_smpls_size(whole: Symmetry) -> None:
    assert whole.faces.shape == (13776, 3) and set(whole.faces.ravel()) == set(range(6890))
    edges = {tuple(edge) for i, j in ((0, 1), (1, 2), (2, 0)) for edge in whole.faces[:, [i, j]].tolist()}
    assert len(edges) == 3 * 13776 and edges == {(b, a) for a, b in edges}


def test_points_are_mirror_images(whole: Symmetry, half: HalfMesh) -> None:
    points = whole.points(half.points)
    np.testing.assert_array_equal(points[whole.mirror], points * FLIP)
    assert np.array_equal(whole.mirror[whole.mirror], np.arange(6890))
    assert (points[whole.mirrored, 0] < 0).all() and (points[~whole.mirrored, 0] >= 0).all()


def test_landmarks_are_at_their_ids(whole: Symmetry, half: HalfMesh, landmarks: dict[str, int]) -> None:
    points = whole.points(half.points)
    for name, vertex in landmarks.items():
        np.testing.assert_array_equal(points[SMPL_VERTEX_IDS[name]], half.points[vertex])
        if name != 'nose':
            right = name.replace('left', 'right')
            np.testing.assert_array_equal(points[SMPL_VERTEX_IDS[right]], half.points[vertex] * FLIP)


def test_bone_weights_change_sides(whole: Symmetry, half: HalfMesh) -> None:
    names = ['arm.L', 'arm.R', 'root']
    own = np.random.default_rng(0).uniform(size=(len(half.points), 3))
    weights = whole.bone_weights(own, names)
    np.testing.assert_array_equal(weights[~whole.mirrored], own[whole.half_of[~whole.mirrored]])
    np.testing.assert_array_equal(weights[whole.mirrored], own[whole.half_of[whole.mirrored]][:, [1, 0, 2]])


def test_transfer_interpolates_on_the_surface() -> None:
    pytest.importorskip('trimesh')
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0), indexing='ij'), -1).reshape(-1, 2)
    vertices = np.column_stack([grid, np.zeros(25)])
    quads = np.array([[i, i + 1, i + 6, i + 5] for i in range(19) if i % 5 < 4])
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    points = np.column_stack([np.random.default_rng(0).uniform(0, 3.8, (30, 2)), np.full(30, 0.1)])
    transfer = _barycentric_transfer(vertices, faces, points, candidates=8)
    np.testing.assert_allclose(transfer @ vertices, points * (1, 1, 0), atol=1e-9)
    assert transfer.min() >= 0 and (np.diff(transfer.indptr) == 3).all()


def test_a_half_of_the_right_size_stays_whole(arrays: dict[str, np.ndarray]) -> None:
    pytest.importorskip('fast_simplification')
    half = decimate_half(arrays['v_template'].astype(np.float64), arrays['f'].astype(np.int64))
    assert half.faces.shape == (6888, 3) and 2 * len(half.points) - half.central.sum() == 6890
    np.testing.assert_allclose(half.transfer @ arrays['v_template'], half.points, atol=1e-4)
