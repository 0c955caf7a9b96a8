"""Convert a published checkpoint: ``mmroi convert-checkpoint SOURCE OUT``."""

import argparse

from mmroi.cli.running import run_tool
from mmroi.utils.choices import CHECKPOINTS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    kinds = '\n'.join(f'  {kind:20} {title}' for kind, title in CHECKPOINTS.items())
    parser = argparse.ArgumentParser(
        description='Convert a published checkpoint to one that this project tests and fine-tunes.',
        epilog=f'kinds, found from the names of the tensors:\n{kinds}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('source', help='published file: .pt, .pth, .pth.tar or .safetensors')
    parser.add_argument('out', help='file to write: .pth or .safetensors')
    parser.add_argument('--config', help='config that the new file is for (default: the one of its kind)')
    parser.add_argument(
        '--kind', choices=CHECKPOINTS, metavar='KIND', help='what the file is, if not found by itself'
    )
    return parser.parse_args()


def main() -> None:
    """Convert and report."""
    args = parse_args()
    from mmroi.apis.published import PUBLISHED
    from mmroi.apis.published_conversion import convert_published

    print(f'reading {args.source} ...', flush=True)
    done = convert_published(args.source, args.out, args.config, args.kind)
    network = PUBLISHED[done.kind]
    print(f'found       {done.kind}: {network.title}')
    print(f'converted   {done.converted} tensors')
    for reason, count in done.dropped.items():
        print(f'left out    {count} tensors: {reason}')
    print(f'wrote       {args.out}')
    print(f'test with   mmroi test {done.config} {args.out}')
    for name, result in network.published.items():
        print(f'published   {result} on 3DPW, for the file {name}')


if __name__ == '__main__':
    run_tool(main)
