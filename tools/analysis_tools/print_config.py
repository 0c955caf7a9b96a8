"""Print a config as a run sees it, with everything inherited.

mmroi print-config CONFIG [--save-path WHOLE.py] [--cfg-options KEY=VALUE]
"""

import argparse
from pathlib import Path

from mmroi.cli.arguments import add_config_arguments
from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Print a whole config')
    add_config_arguments(parser)
    parser.add_argument('--save-path', type=Path, help='also write it to a .py, .json or .yml file')
    args = parser.parse_args()
    if args.save_path and args.save_path.suffix not in ('.py', '.json', '.yml'):
        parser.error(f'--save-path must end in .py, .json or .yml, not {args.save_path.name!r}')
    return args


def main() -> None:
    """Print the config, and write it if asked to."""
    args = parse_args()
    from mmroi.engine.launch import read_config
    from mmroi.fileio.atomic import atomic_write

    cfg = read_config(args)
    print(cfg.pretty_text)
    if args.save_path:
        with atomic_write(args.save_path) as temporary:
            cfg.dump(temporary)


if __name__ == '__main__':
    run_tool(main)
