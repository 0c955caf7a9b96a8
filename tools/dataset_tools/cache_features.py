"""Compute the features of a config's frozen encoder, without training.

    mmroi cache-features CONFIG [--variants 4] [--jobs N] [--precision bfloat16]

A training with ``--cache-features`` does this itself where features are missing. Beforehand it pays if
another machine is faster: copy the dataset with its folder ``features``, and keep the times of the images
(``rsync -a``). An interrupted run continues when it is repeated.
"""

import argparse

from mmroi.cli.arguments import add_config_arguments
from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Compute the features of a frozen encoder, without training. Options that are not given '
        "are those of the config's feature_cache"
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--split',
        nargs='+',
        choices=('train', 'val', 'test'),
        default=['train', 'val'],
        help='which loaders (default: train val)',
    )
    parser.add_argument(
        '--variants', type=int, metavar='N', help='augmentations of each training image (default: 4)'
    )
    parser.add_argument('--jobs', type=int, metavar='N', help='number of processes (default: all cores)')
    parser.add_argument(
        '--precision',
        choices=('float32', 'bfloat16', 'auto'),
        help='of the encoder; features of another precision are another cache (default: float32)',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        default=None,
        help='compile the backbone first, which takes a minute and pays from thousands of people on',
    )
    return parser.parse_args()


def main() -> None:
    """Compute what is missing, and print where the features are."""
    args = parse_args()
    from mmroi.engine.feature_cache import use_feature_cache
    from mmroi.engine.launch import read_config

    cfg = read_config(args)
    given = {name: getattr(args, name) for name in ('variants', 'jobs', 'precision', 'compile')}
    chosen = {name: value for name, value in given.items() if value is not None}
    cfg.feature_cache = {**(cfg.get('feature_cache') or {}), **chosen}
    for cache in use_feature_cache(cfg, args.split):
        print(f'{cache.folder}')


if __name__ == '__main__':
    run_tool(main)
