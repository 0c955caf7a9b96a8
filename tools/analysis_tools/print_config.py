"""Prints a config as a run sees it, with everything inherited.

``python tools/analysis_tools/print_config.py CONFIG [--save-path WHOLE.py] [--cfg-options KEY=VALUE]``
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmroi.engine.launch import run_tool
from mmroi.engine.pipelines import read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Print a whole config')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--save-path', type=Path, help='also write it: .py, .json or .yml')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='changes to the config, as for tools/train.py',
    )
    args = parser.parse_args()
    if args.save_path and args.save_path.suffix not in ('.py', '.json', '.yml'):
        parser.error(f'--save-path must end in .py, .json or .yml, not {args.save_path.name!r}')
    return args


def main() -> None:
    """Prints."""
    args = parse_args()
    if not Path(args.config).is_file():
        raise FileNotFoundError(f'config {args.config} does not exist')
    cfg = read_config(args.config, args.cfg_options)
    print(cfg.pretty_text)
    if args.save_path:
        args.save_path.parent.mkdir(parents=True, exist_ok=True)
        cfg.dump(args.save_path)


if __name__ == '__main__':
    run_tool(main)
