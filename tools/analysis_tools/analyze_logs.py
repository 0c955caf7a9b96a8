"""Draws the curves of trainings, or tells how long their iterations took.

``python tools/analysis_tools/analyze_logs.py plot_curve LOG [LOG ...] [--keys loss 3dpw/MPJPE] [--out X.png]``
``python tools/analysis_tools/analyze_logs.py cal_train_time LOG [LOG ...]``

LOG is the work folder of a training, with all runs that were resumed one after the other, or one of its files
``*/vis_data/scalars.json``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmroi.engine.launch import run_tool
from mmroi.engine.training_log import read_log
from mmroi.evaluation import require_matplotlib

Curve = tuple[np.ndarray, np.ndarray]


def read_curves(log: Path) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """Read all numbers of a training.

    Args:
        log: Work folder or file.

    Returns:
        Of training by iteration, and of validation by epoch: steps and values by name. What was done again
        after an interruption counts once.

    Raises:
        FileNotFoundError: If there is no log.
        ValueError: If a file is no log.
    """
    try:
        entries = list(read_log(log))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f'{log} is no log of MMEngine (scalars.json): {error}') from error
    if not entries:
        raise FileNotFoundError(f'{log} has no */vis_data/scalars.json: name the work folder of a training')
    parts: tuple[dict, dict] = {}, {}
    for entry in entries:
        for key, value in entry.items():
            if key not in ('step', 'iter', 'epoch'):
                parts['loss' not in entry].setdefault(key, {})[entry['step']] = value
    train, val = ({key: _curve(points) for key, points in part.items()} for part in parts)
    return train, val


def _curve(points: dict[int, float]) -> Curve:
    steps = sorted(points)
    return np.array(steps), np.array([points[step] for step in steps], np.float64)


def plot_curves(
    logs: Sequence[Path],
    keys: Sequence[str],
    out: Path,
    legend: Sequence[str],
    window: int,
    title: str | None = None,
) -> None:
    """Draw a panel for each name, with a curve for each log.

    Args:
        logs: Work folders or files.
        keys: Names of numbers; those of training over iterations, those of validation over epochs.
        out: Picture to write.
        legend: A name for each log.
        window: Mean over so many logged values.
        title: Above all.

    Raises:
        KeyError: If no log has a number of that name.
    """
    from matplotlib.figure import Figure

    read = [read_curves(log) for log in logs]
    figure = Figure(figsize=(5.5 * len(keys), 4), layout='constrained')
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        known = sorted({name for parts in read for part in parts for name in part})
        if key not in known:
            raise KeyError(f'no log has {key!r}; there are: {", ".join(known)}')
        for (train, val), name in zip(read, legend, strict=True):
            if key in train or key in val:
                steps, values = train.get(key) or val[key]
                smooth = np.convolve(values, np.ones(window) / window, 'valid') if window > 1 else values
                axes.plot(
                    steps[len(steps) - len(smooth) :],
                    smooth,
                    label=name,
                    linewidth=1.5,
                    marker='o' if len(smooth) < 30 else None,
                    markersize=3,
                )
        axes.set(title=key, xlabel='iteration' if any(key in train for train, _ in read) else 'epoch')
        axes.grid(alpha=0.3)
        axes.legend(fontsize='small')
    if title:
        figure.suptitle(title)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)
    print(f'wrote {out}')


def print_times(logs: Sequence[Path], legend: Sequence[str]) -> None:
    """Print how long iterations took, and the part of it that waited for data."""
    for log, name in zip(logs, legend, strict=True):
        train, _ = read_curves(log)
        if 'time' not in train:
            raise ValueError(f'{log} has no time of an iteration of training')
        seconds, waiting = train['time'][1], train['data_time'][1]
        print(
            f'{name}: {seconds.mean():.4f} s per iteration (slowest {seconds.max():.4f}, fastest '
            f'{seconds.min():.4f}, deviation {seconds.std():.4f}), of it {waiting.mean():.4f} s for data'
        )


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Curves and times of trainings')
    commands = parser.add_subparsers(dest='task', required=True)
    plot = commands.add_parser('plot_curve', help='draw curves')
    times = commands.add_parser('cal_train_time', help='time of an iteration')
    for command in (plot, times):
        command.add_argument(
            'json_logs', nargs='+', type=Path, metavar='LOG', help='work folder or scalars.json'
        )
        command.add_argument('--legend', nargs='+', help='a name for each log; default: its folder')
    plot.add_argument('--keys', nargs='+', default=['loss'], help='losses, lr, metrics as synthetic/MPJPE')
    plot.add_argument('--window-size', type=int, default=1, help='mean over so many logged values')
    plot.add_argument('--title')
    plot.add_argument('--out', type=Path, default=Path('curves.png'), help='picture (default: curves.png)')
    args = parser.parse_args()
    args.legend = args.legend or [log.name if log.is_dir() else log.parents[2].name for log in args.json_logs]
    if len(args.legend) != len(args.json_logs):
        parser.error(f'--legend has {len(args.legend)} names for {len(args.json_logs)} logs')
    if args.task == 'plot_curve' and args.window_size < 1:
        parser.error(f'--window-size must be at least 1, not {args.window_size}')
    return args


def main() -> None:
    """Draw or prints."""
    args = parse_args()
    if args.task == 'cal_train_time':
        return print_times(args.json_logs, args.legend)
    require_matplotlib()
    plot_curves(args.json_logs, args.keys, args.out, args.legend, args.window_size, args.title)


if __name__ == '__main__':
    run_tool(main)
