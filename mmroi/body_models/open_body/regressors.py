"""Joint regressors: rows of non-negative weights that sum to one, fitted by non-negative least squares.

``J_regressor`` is fitted to the bone heads of the source on sampled bodies in T-pose. The H36M and extra
regressors are applied to posed meshes, so they are fitted on posed bodies: each landmark is a point of the
rest body that moves with one joint.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import nnls
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from mmroi.body_models.open_body.topology import MIRROR_JOINTS
from mmroi.body_models.skinning import LinearBlendSkinning, Skeleton
from mmroi.geometry import axis_angle_to_matrix
from mmroi.structures import SMPL_VERTEX_IDS, flip_indices

_UNIT_SUM_WEIGHT = 10.0  # meters: how strongly a row is pulled to sum to one before it is normalized
# Rows as (point, joint it moves with); ``_landmarks`` computes the points. Both are in SPIN's order; extra is
# LSP hips, neck and head top, MPII pelvis and thorax, H36M spine, jaw and head.
_LANDMARKS = {
    'J_regressor_h36m': (
        ('J0', 0),
        ('J1', 1),
        ('J4', 4),
        ('J7', 7),
        ('J2', 2),
        ('J5', 5),
        ('J8', 8),
        ('J6', 6),
        ('J12', 12),
        ('jaw', 15),
        ('top', 15),
        ('J16', 16),
        ('J18', 18),
        ('J20', 20),
        ('J17', 17),
        ('J19', 19),
        ('J21', 21),
    ),
    'J_regressor_extra': (
        ('J2', 2),
        ('J1', 1),
        ('J12', 12),
        ('top', 15),
        ('J0', 0),
        ('thorax', 9),
        ('J6', 6),
        ('jaw', 15),
        ('head', 15),
    ),
}
_MIRROR_ROWS = {
    24: MIRROR_JOINTS.tolist(),
    9: [1, 0, 2, 3, 4, 5, 6, 7, 8],
    17: list(flip_indices('h36m')),
}


def fit_rows(
    vertices: np.ndarray,
    targets: np.ndarray,
    template: np.ndarray,
    centers: np.ndarray,
    mirror: np.ndarray,
    candidates: int = 700,
) -> np.ndarray:
    """Fit mirror-symmetric regressor rows.

    Args:
        vertices: (N, V, 3) bodies to fit on.
        targets: (N, K, 3) target points of those bodies.
        template: (V, 3) rest body.
        centers: (K, 3) target points of the rest body; the vertices nearest to them may get weight.
        mirror: (V,) index of each vertex's mirror image.
        candidates: Number of vertices that may get weight in a row.

    Returns:
        (K, V), rows non-negative with sum 1.
    """
    tree = cKDTree(template)
    rows = np.zeros((len(centers), len(template)))
    for row, center, target in zip(rows, centers, np.moveaxis(targets, 1, 0), strict=True):
        near = np.unique(tree.query(center, k=candidates)[1])
        system = np.vstack(
            [
                vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near)),
                np.full((1, len(near)), _UNIT_SUM_WEIGHT),
            ]
        )
        solution, _ = nnls(system, np.append(target.ravel(), _UNIT_SUM_WEIGHT), maxiter=100 * len(near))
        row[near] = solution / solution.sum()
    return (rows + rows[_MIRROR_ROWS[len(rows)]][:, mirror]) / 2


def fit_landmark_regressors(
    arrays: dict[str, np.ndarray],
    mirror: np.ndarray,
    rng: np.random.Generator,
    report: Callable[[str], None],
    count: int = 80,
) -> dict[str, np.ndarray]:
    """Fit the regressors that are applied to posed meshes, on random posed bodies.

    Args:
        arrays: The body model so far, with SMPL's keys.
        mirror: (V,) index of each vertex's mirror image.
        rng: Random generator for shapes and poses.
        report: Called with lines of progress.
        count: Number of posed bodies.

    Returns:
        ``J_regressor_h36m`` (17, 6890) and ``J_regressor_extra`` (9, 6890).
    """
    betas = rng.standard_normal((count, 10))
    pose = 0.35 * rng.standard_normal((count, 24, 3))
    pose[:, 0] = 0
    skinning = LinearBlendSkinning(Skeleton(arrays, dtype=torch.float64), arrays, dtype=torch.float64)

    def skin(betas: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rotations = axis_angle_to_matrix(torch.from_numpy(pose))
        vertices, joints = skinning(rotations, torch.from_numpy(betas))
        return vertices.numpy(), joints.numpy()

    rest_vertices, rest_joints = skin(betas, np.zeros_like(pose))
    vertices, joints = skin(betas, pose)
    rotations = _world_rotations(pose, arrays['kintree_table'][0])
    template, template_joints = skin(np.zeros((1, 10)), np.zeros((1, 24, 3)))
    regressors = {}
    for name, rows in _LANDMARKS.items():
        carriers = [joint for _, joint in rows]
        local = _landmarks(rest_vertices, rest_joints, rows) - rest_joints[:, carriers]
        targets = joints[:, carriers] + np.einsum('nkij,nkj->nki', rotations[:, carriers], local)
        centers = _landmarks(template, template_joints, rows)[0]
        regressor = fit_rows(vertices, targets, template[0], centers, mirror)
        error = np.linalg.norm(regressor @ vertices - targets, axis=-1).mean(0) * 1e3
        report(
            f'{name}: mean error {error.mean():.1f} mm on posed bodies, '
            f'worst row {error.argmax()} {error.max():.1f} mm'
        )
        regressors[name] = regressor
    return regressors


def _landmarks(vertices: np.ndarray, joints: np.ndarray, rows: tuple[tuple[str, int], ...]) -> np.ndarray:
    """Compute the points (N, K, 3) of rest bodies that ``_LANDMARKS`` names."""
    middle = np.abs(vertices[..., 0]) < 0.02
    top = np.stack(
        [
            body[np.where(near, body[:, 1], -np.inf).argmax()]
            for body, near in zip(vertices, middle, strict=True)
        ]
    )
    points = {f'J{index}': joints[:, index] for index in range(24)}
    points['top'] = top
    points['head'] = (joints[:, 15] + 2 * top) / 3
    points['jaw'] = (vertices[:, SMPL_VERTEX_IDS['nose']] + joints[:, 15]) / 2
    points['thorax'] = (joints[:, 16] + joints[:, 17]) / 2
    return np.stack([points[name] for name, _ in rows], 1)


def _world_rotations(pose: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Chain joint rotations (N, 24, 3) axis-angle into rotations (N, 24, 3, 3) in the body frame."""
    local = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(len(pose), 24, 3, 3)
    world = [local[:, 0]]
    for joint in range(1, 24):
        world.append(world[int(parents[joint])] @ local[:, joint])
    return np.stack(world, 1)
