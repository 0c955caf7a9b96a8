"""Speed of training: variants of a run, and their measurement in turns."""

import copy
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from mmroi.benchmark.speed.datasets import usable_dataset
from mmroi.benchmark.speed.memory import held_memory, step_memory
from mmroi.benchmark.speed.networks import build_for_rois
from mmroi.benchmark.speed.timing import synchronize
from mmroi.engine.amp import use_amp
from mmroi.engine.epochs import check_iterations
from mmroi.engine.pipelines import set_crops
from mmroi.utils.choices import TRAINING_OPTIONS


class Trainee:
    """A variant in training.

    Args:
        config: Config of the run, with the variant's changes.
        rois: Number of RoIs.
        batches: Endless batches.
        device: Where it is trained.

    Raises:
        ValueError: If the model does not support this number of RoIs.
    """

    def __init__(
        self, config: Config, rois: int, batches: Iterator[dict[str, Any]], device: torch.device
    ) -> None:
        model = build_for_rois(config.model, rois)
        if model is None:
            raise ValueError(f'{config.filename} does not support M = {rois}: remove it from --rois')
        self.model: Any = model.to(device).train()
        self.optimizer = build_optim_wrapper(self.model, config.optim_wrapper)
        self.batches = batches
        self.device = device
        self.waiting: list[float] = []  # share of each turn
        self.speed: list[float] = []  # steps per second of each turn

    def step(self, batch: dict[str, Any]) -> None:
        """Train on one batch."""
        self.model.train_step(batch, self.optimizer)
        synchronize(self.device)

    def turn(self, seconds: float, settle: int, clock: Callable[[], float]) -> None:
        """Train for a while, and record the speed and the share of waiting.

        Args:
            seconds: Length of the turn; at least one step is done.
            settle: Number of steps before it that do not count.
            clock: Clock for the speed.
        """
        for _ in range(settle):
            self.step(next(self.batches))
        steps, waited, start, started = 0, 0.0, time.perf_counter(), clock()
        while not steps or time.perf_counter() - start < seconds:
            before = time.perf_counter()
            batch = next(self.batches)
            waited += time.perf_counter() - before
            self.step(batch)
            steps += 1
        total = time.perf_counter() - start
        self.waiting.append(waited / total)
        self.speed.append(steps / (clock() - started))

    def peak_memory(self) -> float | None:
        """Return the MiB of a training step, weights and optimizer included."""
        self.step(next(self.batches))  # creates the optimizer's state
        batch = next(self.batches)
        on_top = step_memory(lambda: self.step(batch), self.device)
        return None if on_top is None else held_memory(self.model, self.optimizer.optimizer) + on_top


def with_options(config: Config, options: str) -> tuple[str, Config]:
    """Apply the options of a variant to a copy of a config.

    Args:
        config: Config of a run.
        options: Of ``TRAINING_OPTIONS``, joined by ``+``. ``amp`` switches mixed precision on; the others are
            options of the encoder, which are switched on, or off if the config has them.

    Returns:
        The name of the variant and its config.

    Raises:
        ValueError: If an option is unknown.
    """
    config, names = copy.deepcopy(config), []
    for option in options.split('+'):
        if option not in TRAINING_OPTIONS:
            raise ValueError(f'--compare knows {", ".join(TRAINING_OPTIONS)}, joined by +; got {option!r}')
        if option == 'amp':
            use_amp(config)
            names.append(option)
        else:
            switched = not config.model.encoder.get(option, False)
            config.model.encoder[option] = switched
            names.append(option if switched else f'no {option}')
    return ' + '.join(names), config


def set_loader(config: Config, batch_size: int | None, num_workers: int | None) -> None:
    """Set batch size and number of workers of the training loader, if given.

    Args:
        config: Config of a run; changed.
        batch_size: Number of people; None keeps the config's.
        num_workers: Number of workers; None keeps the config's.
    """
    loader = config.train_dataloader
    if batch_size:
        loader.batch_size = batch_size
    if num_workers is not None:
        loader.num_workers = num_workers
    if not loader.num_workers:
        loader.pop('prefetch_factor', None)
        loader.persistent_workers = False


def endless_batches(config: Config, rois: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Iterate over the batches of the training loader, epoch after epoch.

    Args:
        config: Config of a run.
        rois: Number of crops of each person.
        folder: Folder for synthetic images, made where the files of the dataset do not exist.

    Returns:
        Endless batches.

    Raises:
        ValueError: The dataset has fewer people than a batch.
    """
    loader = copy.deepcopy(config.train_dataloader)
    dataset = usable_dataset(loader.dataset, folder)
    if (
        dataset is not loader.dataset
    ):  # few images: repeat them, so that workers are not restarted all the time
        loader.dataset = dict(type='RepeatDataset', dataset=dataset, times=100 * loader.batch_size)
        loader.sampler = dict(type='DefaultSampler', shuffle=True)
    set_crops(loader, num_rois=rois)
    built = Runner.build_dataloader(loader, seed=0)
    check_iterations(built)
    return itertools.chain.from_iterable(itertools.repeat(built))


def measure_training(
    trainees: Mapping[tuple[str, int], Trainee],
    batch_size: int,
    settle: int,
    seconds: float,
    rounds: int,
    cpu_time: bool = False,
) -> list[dict[str, Any]]:
    """Measure all variants in turns.

    Args:
        trainees: By name and number of RoIs; the first one is what the others are compared with.
        batch_size: Number of people in a batch.
        settle: Steps at the start of each turn that do not count.
        seconds: Length of a turn.
        rounds: Number of turns of each variant.
        cpu_time: Measure the CPU time of this process instead of wall time.

    Returns:
        A row for each variant: ``samples_per_second``, their ``ratio`` to the first variant, ``waiting``, the
        share of time without a batch, and ``peak_mib``.
    """
    peaks = {name: trainee.peak_memory() for name, trainee in trainees.items()}
    clock = time.process_time if cpu_time else time.perf_counter
    for _ in range(rounds):
        for trainee in trainees.values():
            trainee.turn(seconds, settle, clock)
    speed = {name: batch_size * float(np.median(trainee.speed)) for name, trainee in trainees.items()}
    first = next(iter(speed.values()))
    return [
        dict(
            variant=name[0],
            rois=name[1],
            samples_per_second=speed[name],
            ratio=speed[name] / first,
            waiting=float(np.median(trainee.waiting)),
            peak_mib=peaks[name],
        )
        for name, trainee in trainees.items()
    ]
