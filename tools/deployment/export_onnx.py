"""Export a network to ONNX: ``mmroi export CONFIG CHECKPOINT --out model.onnx``."""

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from mmroi.cli.arguments import add_body_argument, positive_int
from mmroi.cli.config_options import ConfigOptions
from mmroi.cli.running import run_tool
from mmroi.utils.choices import EXPORT_FORMATS, EXPORT_TOLERANCES
from mmroi.utils.errors import explain

NEEDED = ('onnx', 'onnxruntime', 'onnxscript')
OPSET, CALIBRATION_PEOPLE = 20, 64


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
        choices=EXPORT_FORMATS,
        default='onnx',
        help='onnx, or torch-export for a program that PyTorch runs and compiles',
    )
    parser.add_argument(
        '--with-smpl', action='store_true', help='vertices, joints and their pixels, too (20 MB more)'
    )
    parser.add_argument('--opset', type=int, help=f'of ONNX (default: {OPSET})')
    parser.add_argument(
        '--precision',
        choices=EXPORT_TOLERANCES,
        default='fp32',
        help='of the encoder; int8 (ONNX only) needs --calibration (default: fp32)',
    )
    parser.add_argument(
        '--calibration',
        type=Path,
        metavar='NPZ',
        help='annotation file of images like those to come, such as data/synthetic/natural/train.npz',
    )
    parser.add_argument(
        '--calibration-people',
        type=positive_int,
        metavar='N',
        help=f'number of people of --calibration (default: {CALIBRATION_PEOPLE})',
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        help='largest difference to PyTorch in fp32, relative for outputs above 1 (default: '
        f'{", ".join(f"{value:g} for {name}" for name, value in EXPORT_TOLERANCES.items())})',
    )
    add_body_argument(parser)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='changes to the config, such as model.head.positive_scale=False',
    )
    args = parser.parse_args()
    if (args.precision == 'int8') != (args.calibration is not None):
        parser.error('--precision int8 and --calibration need each other')
    if args.opset is not None and args.format != 'onnx':
        parser.error(f'--opset has no effect: it is of ONNX, and the format is {args.format}; leave it out')
    if args.calibration_people is not None and args.calibration is None:
        parser.error('--calibration-people has no effect without --calibration; leave it out')
    args.opset = OPSET if args.opset is None else args.opset
    if args.calibration_people is None:
        args.calibration_people = CALIBRATION_PEOPLE
    return args


def main() -> None:
    """Export and report."""
    args = parse_args()
    from mmroi.apis import init_model
    from mmroi.apis.export import check_target, export_model
    from mmroi.apis.people_arrays import read_people
    from mmroi.fileio.output_folders import check_folder

    try:
        check_target(args.out, args.format, args.opset, args.precision)
        check_folder(args.out.parent, '--out')
        missing = [name for name in NEEDED if find_spec(name) is None]
        if args.format == 'onnx' and missing:
            raise ValueError(f"--format onnx needs {', '.join(missing)}: pip install 'mmroi[deploy]'")
        model = init_model(
            args.config, args.checkpoint, cfg_options=args.cfg_options, body_model=args.body_model
        )
        start = time.perf_counter()
        origin = [Path(name).name for name in (args.config, args.checkpoint) if name]
        people = (
            list(read_people(model.cfg, args.calibration, args.calibration_people))
            if args.calibration
            else []
        )
        differences = export_model(
            model,
            args.out,
            args.format,
            args.with_smpl,
            args.opset,
            args.tolerance,
            ' '.join(origin),
            args.precision,
            people,
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
