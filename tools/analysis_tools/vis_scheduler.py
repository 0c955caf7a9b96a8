"""Draws the learning rate of a config over its training, without training.

``python tools/analysis_tools/vis_scheduler.py CONFIG [--parameter lr] [--dataset-size N] [--save-path X.png]``

MMEngine's own loop and schedulers run through the whole training on a network of one number.
"""

import argparse
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmroi.engine.body_model import use_body_model
from mmroi.engine.launch import run_tool
from mmroi.evaluation import require_matplotlib


class OneNumber(BaseModel):
    """A network that learns nothing."""

    def __init__(self) -> None:
        """Make the number."""
        super().__init__()
        self.number = torch.nn.Parameter(torch.zeros(1))

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Unused."""

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, torch.Tensor]:
        """Step the schedulers only."""
        optim_wrapper.step()
        return {}


class RecordHook(Hook):
    """Notes what each iteration trains with.

    Args:
        parameter: ``lr`` or ``momentum``.
        bar: Moved with the iterations.
    """

    priority = 'VERY_HIGH'  # before the schedulers step

    def __init__(self, parameter: str, bar: tqdm) -> None:
        """Start with nothing noted."""
        self.parameter = parameter
        self.bar = bar
        self.values: list[float] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Note."""
        self.values.append(getattr(runner.optim_wrapper, f'get_{self.parameter}')()[self.parameter][0])
        self.bar.update()


def count_iterations(cfg: Config, dataset_size: int | None, num_gpus: int) -> int:
    """Iterations of an epoch.

    Args:
        cfg: Config of a run.
        dataset_size: Number of people; None opens the data set and asks its sampler.
        num_gpus: Processes.

    Returns:
        Iterations of an epoch, or of one pass through the data.
    """
    loader = cfg.train_dataloader
    use_body_model(cfg, 'open')  # nobody looks at labels here
    num_people = dataset_size or len(Runner.build_dataloader(loader).sampler)
    batches, rest = divmod(num_people, loader.batch_size * num_gpus)
    return batches + (1 if rest and not loader.get('drop_last') else 0)


def simulate(cfg: Config, parameter: str, iterations: int) -> list[float]:
    """Run the schedulers.

    Args:
        cfg: Config of a run.
        parameter: ``lr`` or ``momentum``.
        iterations: Of an epoch.

    Returns:
        The value of each iteration.
    """
    optimizer = cfg.optim_wrapper.optimizer
    with TemporaryDirectory() as folder, tqdm(desc='iterations', unit=' it') as bar:
        record = RecordHook(parameter, bar)
        runner = Runner(
            OneNumber(),
            folder,
            DataLoader(range(iterations), batch_size=None),
            train_cfg={**cfg.train_cfg, 'val_interval': 10**9},
            optim_wrapper=dict(optimizer=optimizer),
            param_scheduler=cfg.get('param_scheduler'),
            default_hooks=dict.fromkeys(('timer', 'checkpoint', 'logger', 'sampler_seed')),
            default_scope='mmroi',
            visualizer=dict(type='Visualizer'),
            log_level=logging.ERROR,
            experiment_name='vis_scheduler',
        )
        runner.register_hook(record)
        runner.train()
        logging.shutdown()
    return record.values


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Draw the learning rate over a training')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('-p', '--parameter', choices=('lr', 'momentum'), default='lr')
    parser.add_argument(
        '-d',
        '--dataset-size',
        type=int,
        help='people in an epoch, where the data set is not here; default: opens it',
    )
    parser.add_argument('-n', '--ngpus', type=int, default=1, help='processes of the training')
    parser.add_argument('-s', '--save-path', type=Path, help='picture (default: CONFIG_PARAMETER.png)')
    parser.add_argument('--title', help='default: name of the config')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, metavar='KEY=VALUE')
    args = parser.parse_args()
    for name in ('dataset_size', 'ngpus'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1')
    return args


def main() -> None:
    """Draws."""
    args = parse_args()
    require_matplotlib()
    path = Path(args.config)
    if not path.is_file():
        raise FileNotFoundError(f'config {path} does not exist')
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope('mmroi')
    iterations = count_iterations(cfg, args.dataset_size, args.ngpus)
    values = simulate(cfg, args.parameter, iterations)
    out = args.save_path or Path(f'{path.stem}_{args.parameter}.png')
    draw(values, iterations, args.parameter, args.title or path.stem, out)
    print(
        f'{len(values)} iterations, {iterations} in an epoch: {args.parameter} starts at {values[0]:.3g}, '
        f'is {max(values):.3g} at most and ends at {values[-1]:.3g}; wrote {out}'
    )


def draw(values: list[float], iterations: int, parameter: str, title: str, out: Path) -> None:
    """Draw a curve over iterations, with epochs above.

    Args:
        values: One for each iteration.
        iterations: Of an epoch.
        parameter: Its name.
        title: Of the picture.
        out: Picture to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout='constrained')
    axes = figure.subplots()
    axes.plot(values)
    axes.set(xlabel='iteration', ylabel=parameter, title=title)
    axes.grid(alpha=0.3)
    axes.secondary_xaxis('top', functions=(lambda x: x / iterations, lambda x: x * iterations)).set_xlabel(
        'epoch'
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)


if __name__ == '__main__':
    run_tool(main)
