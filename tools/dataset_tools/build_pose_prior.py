"""Build what refinement knows: ``pose_prior.npz`` and ``pose_errors.npz``.

The prior is learned from the poses of the synthetic studio alone, and depends only on the seed. The errors of
a network are measured on results of ``mmroi test --out results.npz``:

    mmroi build-pose-prior
    mmroi build-pose-prior --errors results.npz --out pose_errors.npz
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.running import run_tool

if TYPE_CHECKING:
    import numpy as np


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Fit the pose prior of KeypointRefiner to the studio.')
    add = parser.add_argument
    add('--errors', type=Path, metavar='NPZ', help='measure the errors of these results instead')
    add('--out', type=Path, help='file to write (default: the shipped one)')
    add('--num-samples', type=int, default=1000, help='poses of each style (default: %(default)s)')
    add('--slack', type=float, default=4.0, help='added standard deviation, degrees (default: %(default)s)')
    add('--seed', type=int, default=0, help='random seed')
    return parser.parse_args()


def main() -> None:
    """Fit and save."""
    args = parse_args()
    from mmroi.evaluation import MeshResults
    from mmroi.fileio.npz_io import write_npz
    from mmroi.models.refiners.pose_errors import POSE_ERRORS, fit_pose_errors
    from mmroi.models.refiners.pose_prior import POSE_PRIOR
    from mmroi.synthetic.pose_prior import fit_pose_prior

    if args.errors:
        results = MeshResults(args.errors).arrays
        arrays = fit_pose_errors(_rotations(results, 'pred'), _rotations(results, 'gt'))
    else:
        arrays = fit_pose_prior(args.num_samples, args.seed, args.slack)
    out = args.out or (POSE_ERRORS if args.errors else POSE_PRIOR)
    write_npz(out, arrays, compress=True)
    print(f'wrote {out} ({out.stat().st_size / 2**10:.0f} KiB)')


def _rotations(results: Mapping[str, np.ndarray], group: str) -> np.ndarray:
    """Rotation matrices (N, 24, 3, 3) of predictions or annotations."""
    import torch

    from mmroi.geometry import axis_angle_to_matrix

    root, body = (
        torch.as_tensor(results[f'{group}_instances.{name}']) for name in ('global_orient', 'body_pose')
    )
    if group == 'gt':
        root, body = axis_angle_to_matrix(root), axis_angle_to_matrix(body)
    return torch.cat((root.reshape(-1, 1, 3, 3), body.reshape(-1, 23, 3, 3)), dim=1).numpy()


if __name__ == '__main__':
    run_tool(main)
