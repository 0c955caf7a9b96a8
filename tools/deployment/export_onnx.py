"""Export a network to ONNX: ``python tools/deployment/export_onnx.py CONFIG CHECKPOINT --out model.onnx``."""

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from mmroi.apis import init_model
from mmroi.apis.export import SUFFIXES, check_target, export_model
from mmroi.engine.body_model import add_body_argument
from mmroi.engine.config_options import ConfigOptions
from mmroi.engine.launch import explain, run_tool

NEEDED = ('onnx', 'onnxruntime', 'onnxscript')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write a network to one file that runs without this project, checked against PyTorch. '
        'The number of people is free; RoIs and crop size are those of the test pipeline.'
    )
    parser.add_argument('config', help='path of the config, or name of a shipped model')
    parser.add_argument('checkpoint', nargs='?', help='weights (default: those of the shipped model)')
    parser.add_argument('--out', required=True, type=Path, help='file to write: .onnx, or .pt2')
    parser.add_argument(
        '--format',
        choices=SUFFIXES,
        default='onnx',
        help='onnx, or torch-export for a program that PyTorch runs and compiles',
    )
    parser.add_argument(
        '--with-smpl', action='store_true', help='vertices, joints and their pixels, too (20 MB more)'
    )
    parser.add_argument('--opset', type=int, default=20, help='of ONNX (default: 20)')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1e-4,
        help='largest difference to PyTorch, relative for outputs above 1 (default: 1e-4)',
    )
    add_body_argument(parser)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='changes to the config, such as model.head.positive_scale=False',
    )
    return parser.parse_args()


def main() -> None:
    """Export and report."""
    args = parse_args()
    try:
        check_target(args.out, args.format, args.opset)
        missing = [name for name in NEEDED if find_spec(name) is None]
        if args.format == 'onnx' and missing:
            raise ValueError(
                f'--format onnx needs {", ".join(missing)}: pip install -r requirements/deploy.txt'
            )
        model = init_model(
            args.config, args.checkpoint, cfg_options=args.cfg_options, body_model=args.body_model
        )
        start = time.perf_counter()
        origin = [Path(name).name for name in (args.config, args.checkpoint) if name]
        differences = export_model(
            model, args.out, args.format, args.with_smpl, args.opset, args.tolerance, ' '.join(origin)
        )
    except ValueError as error:  # what is wrong with the arguments; a traceback would tell nothing more
        sys.exit(f'error: {explain(error)}')
    print('largest difference to PyTorch')
    for name, difference in differences.items():
        print(f'  {name:20} {difference:.1e}')
    size = args.out.stat().st_size / 1e6
    print(f'wrote {args.out} ({size:.1f} MB) in {time.perf_counter() - start:.0f} s')


if __name__ == '__main__':
    run_tool(main)
