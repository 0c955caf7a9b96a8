"""Plot the learning rate of a config over its training, without training.

    mmroi vis-scheduler CONFIG [--parameter lr] [--dataset-size N] [--save-path PNG]

MMEngine's own loop and schedulers run through the whole training on a network of one number.
"""

import argparse
from pathlib import Path

from mmroi.cli.arguments import add_config_arguments
from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Plot the learning rate over a training')
    add_config_arguments(parser)
    parser.add_argument('-p', '--parameter', choices=('lr', 'momentum'), default='lr')
    parser.add_argument(
        '-d', '--dataset-size', type=int, help='number of people in an epoch (default: opens the dataset)'
    )
    parser.add_argument('-n', '--ngpus', type=int, default=1, help='number of processes of the training')
    parser.add_argument(
        '-s', '--save-path', type=Path, help='image file (default: work_dirs/CONFIG/PARAMETER.png)'
    )
    parser.add_argument('--title', help='default: name of the config')
    args = parser.parse_args()
    for name in ('dataset_size', 'ngpus'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1')
    return args


def main() -> None:
    """Simulate and plot."""
    args = parse_args()
    from mmengine.registry import init_default_scope

    from mmroi.engine.launch import read_config
    from mmroi.engine.plots import plot_schedule
    from mmroi.engine.schedules import count_iterations, simulate_schedule
    from mmroi.evaluation import require_matplotlib

    require_matplotlib()
    cfg = read_config(args)
    init_default_scope('mmroi')
    iterations = count_iterations(cfg, args.dataset_size, args.ngpus)
    values = simulate_schedule(cfg, args.parameter, iterations)
    name = Path(cfg.filename).stem
    out = args.save_path or Path('work_dirs', name, f'{args.parameter}.png')
    plot_schedule(values, iterations, args.parameter, out, args.title or name)
    print(
        f'{len(values)} iterations, {iterations} in an epoch: {args.parameter} starts at {values[0]:.3g}, '
        f'is {max(values):.3g} at most and ends at {values[-1]:.3g}; wrote {out}'
    )


if __name__ == '__main__':
    run_tool(main)
