"""Plot the curves of trainings, or print how long their iterations took.

    mmroi analyze-logs plot_curve LOG [LOG ...] [--keys loss 3dpw/MPJPE] [--out PNG]
    mmroi analyze-logs cal_train_time LOG [LOG ...]

LOG is the work folder of a training, with all runs that were resumed one after the other, or one of its files
``*/vis_data/scalars.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.running import run_tool

if TYPE_CHECKING:
    from mmroi.engine.training_log import Curve


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Curves and times of trainings')
    commands = parser.add_subparsers(dest='task', required=True)
    plot = commands.add_parser('plot_curve', help='plot curves')
    times = commands.add_parser('cal_train_time', help='print the time of an iteration')
    for command in (plot, times):
        command.add_argument(
            'json_logs', nargs='+', type=Path, metavar='LOG', help='work folder or scalars.json'
        )
        command.add_argument('--legend', nargs='+', help='a name for each log (default: its folder)')
    plot.add_argument(
        '--keys', nargs='+', default=['loss'], help='losses, lr, or metrics such as synthetic/MPJPE'
    )
    plot.add_argument('--window-size', type=int, default=1, help='number of logged values to average over')
    plot.add_argument('--title')
    plot.add_argument('--out', type=Path, help='image file (default: curves.png in the first work folder)')
    args = parser.parse_args()
    folders = [work_folder(log) for log in args.json_logs]
    args.legend = args.legend or [folder.name for folder in folders]
    if len(args.legend) != len(args.json_logs):
        parser.error(f'--legend has {len(args.legend)} names for {len(args.json_logs)} logs')
    if args.task == 'plot_curve' and args.window_size < 1:
        parser.error(f'--window-size must be at least 1, not {args.window_size}')
    if args.task == 'plot_curve':
        args.out = args.out or folders[0] / 'curves.png'
    return args


def work_folder(log: Path) -> Path:
    """Return the work folder of a log, which may be a file ``*/vis_data/scalars.json`` in it."""
    return log if log.is_dir() else Path(*log.resolve().parts[:-3])


def print_time(name: str, train: dict[str, Curve]) -> None:
    """Print how long iterations took, and which part of it they waited for data."""
    if 'time' not in train:
        raise ValueError(f'the log of {name} has no time of a training iteration')
    seconds, waiting = train['time'][1], train['data_time'][1]
    print(
        f'{name}: {seconds.mean():.4f} s per iteration (slowest {seconds.max():.4f}, fastest '
        f'{seconds.min():.4f}, deviation {seconds.std():.4f}), of which {waiting.mean():.4f} s for data'
    )


def main() -> None:
    """Plot or print."""
    args = parse_args()
    from mmroi.engine.plots import plot_curves
    from mmroi.engine.training_log import read_curves

    logs = [(name, read_curves(log)) for name, log in zip(args.legend, args.json_logs, strict=True)]
    if args.task == 'cal_train_time':
        for name, (train, _) in logs:
            print_time(name, train)
    else:
        plot_curves(logs, args.keys, args.out, args.window_size, args.title)
        print(f'wrote {args.out}')


if __name__ == '__main__':
    run_tool(main)
