"""Simulation of the optimizer's schedules, without training."""

import copy
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmroi.engine.body_model import use_body_model
from mmroi.utils import ProgressBar


class OneNumber(BaseModel):
    """A network that learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.number = torch.nn.Parameter(torch.zeros(1))

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, torch.Tensor]:
        """Step the optimizer, which learning-rate schedulers wait for."""
        optim_wrapper.step()
        return {}


class RecordHook(Hook):
    """Record a parameter of the optimizer in each iteration.

    Args:
        parameter: ``lr`` or ``momentum``.
        bar: Progress bar to advance.
    """

    priority = 'VERY_HIGH'  # before the schedulers step

    def __init__(self, parameter: str, bar: ProgressBar) -> None:
        self.parameter = parameter
        self.bar = bar
        self.values: list[float] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Record the value that this iteration trained with."""
        self.values.append(getattr(runner.optim_wrapper, f'get_{self.parameter}')()[self.parameter][0])
        self.bar.advance()


def count_iterations(cfg: Config, dataset_size: int | None = None, num_processes: int = 1) -> int:
    """Count the iterations of an epoch.

    Args:
        cfg: Config of a run.
        dataset_size: Number of people; None opens the dataset and asks its sampler.
        num_processes: Number of processes of the training.

    Returns:
        Iterations of an epoch, or of one pass over the data.
    """
    loader = cfg.train_dataloader
    if dataset_size is None:
        cfg = copy.deepcopy(cfg)
        use_body_model(cfg, 'open')  # labels are not read
        dataset_size = len(Runner.build_dataloader(cfg.train_dataloader).sampler)
    batches, rest = divmod(dataset_size, loader.batch_size * num_processes)
    return batches + (1 if rest and not loader.get('drop_last') else 0)


def simulate_schedule(cfg: Config, parameter: str, iterations: int) -> list[float]:
    """Run MMEngine's loop and schedulers through the whole training, on a network of one number.

    Args:
        cfg: Config of a run.
        parameter: ``lr`` or ``momentum``.
        iterations: Number of iterations in an epoch.

    Returns:
        Value of each iteration.
    """
    with TemporaryDirectory() as folder, ProgressBar(description='iterations') as bar:
        record = RecordHook(parameter, bar)
        runner = Runner(
            OneNumber(),
            folder,
            DataLoader([0] * iterations, batch_size=None),  # type: ignore[arg-type]
            train_cfg={**cfg.train_cfg, 'val_interval': 10**9},
            optim_wrapper=dict(optimizer=cfg.optim_wrapper.optimizer),
            param_scheduler=cfg.get('param_scheduler'),
            default_hooks=dict.fromkeys(('timer', 'checkpoint', 'logger', 'sampler_seed')),
            default_scope='mmroi',
            visualizer=dict(type='Visualizer'),
            log_level=logging.ERROR,
            experiment_name=Path(folder).name,  # unique in this process
        )
        runner.register_hook(record)
        runner.train()
        # Close the log file before its folder is removed; the logger stays MMEngine's current one.
        for handler in list(runner.logger.handlers):
            if isinstance(handler, logging.FileHandler):
                runner.logger.removeHandler(handler)
                handler.close()
    return record.values
