"""Calibrate the standard deviations of a checkpoint on people whom it was not trained on.

``mmroi calibrate-uncertainty IN OUT RESULTS.npz [RESULTS.npz ...]``

``mmroi test CONFIG IN --out RESULTS.npz`` writes RESULTS. They must not be of the images with which you
report how well the intervals hold.
"""

import argparse
from pathlib import Path

from mmroi.cli.arguments import add_body_argument
from mmroi.cli.running import run_tool
from mmroi.utils.choices import LIKELIHOODS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('source', help='checkpoint with an uncertainty head')
    parser.add_argument('target', type=Path, help='file to write: .pth or .safetensors')
    parser.add_argument('results', nargs='+', help='npz files of mmroi test --out; each counts the same')
    parser.add_argument('--level', type=float, default=0.9, help='of the intervals (default: 0.9)')
    parser.add_argument('--likelihood', choices=LIKELIHOODS, default='laplace', help='of the training')
    add_body_argument(parser, 'the open body')
    return parser.parse_args()


def main() -> None:
    """Measure, and write the checkpoint."""
    args = parse_args()
    from mmroi.engine.launch import existing_file
    from mmroi.evaluation.evaluation_bodies import EvaluationBodies
    from mmroi.evaluation.uncertainty_calibration import apply_calibration, measure_calibration
    from mmroi.fileio import read_checkpoint, write_checkpoint
    from mmroi.fileio.state_dicts import take_weights
    from mmroi.structures import SMPL_24

    checkpoint = read_checkpoint(existing_file(args.source))
    bodies = EvaluationBodies(dict(type='SMPL', model_path=args.body_model))
    found = measure_calibration(args.results, bodies, args.level, args.likelihood)
    weights = apply_calibration(take_weights(checkpoint, args.source), found.factors)
    write_checkpoint(args.target, weights, checkpoint.get('meta', {}))
    print(
        f'{found.people} people: intervals of {100 * args.level:g} % held {found.before:.1f} % of the errors'
    )
    for name, factor in zip(SMPL_24, found.factors.tolist(), strict=True):
        print(f'{name:15} x {factor:.2f}')
    print(f'wrote {args.target}')


if __name__ == '__main__':
    run_tool(main)
