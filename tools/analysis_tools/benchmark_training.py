"""Training speed: samples per second, share of the time spent waiting for data, and peak memory.

    python tools/analysis_tools/benchmark_training.py CONFIG [--compare amp channels_last amp+with_cp]
                                                      [--rois 1 5] [--json FILE]

Whole training steps (forward, losses, backward, optimizer) with the loader, batch size and number of workers
of CONFIG. Variants take turns, so that their ratios to the first hold on a busy machine; each turn begins
with as many steps as the loader has batches ready, which do not count. ``waiting`` is the share of time in
which the step had no batch: near 0 the network is the limit, above 0.1 give the loader more workers. With
--cpu-time the loader's workers, processes of their own, do not count in samples per second.
Where the files of CONFIG's data set are absent, synthetic photos of 256x256 are made on the spot.

Memory is that of weights and optimizer and of a step's peak on top; on a CPU it is resident memory (Linux).
"""

import argparse
import copy
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from mmroi.benchmark.speed.command_line import (
    add_clock_argument,
    add_device_arguments,
    add_timing_arguments,
    load_config,
    make_parser,
    parse,
    print_table,
    write_json,
)
from mmroi.benchmark.speed.networks import build_for_rois
from mmroi.benchmark.speed.pipelines import usable_dataset
from mmroi.benchmark.speed.timing import describe_machine, held_memory, step_memory, synchronize
from mmroi.engine.amp import use_amp
from mmroi.engine.launch import run_tool
from mmroi.engine.pipelines import read_crops, set_crops

OPTIONS = ('amp', 'channels_last', 'with_cp')


class Trainee:
    """A variant in training.

    Args:
        config: Of the run, with the variant's changes.
        rois: M.
        batches: Endless.
        device: Where it is trained.

    Raises:
        ValueError: The model is not made for M RoIs.
    """

    def __init__(self, config: Config, rois: int, batches: Iterator[dict], device: torch.device) -> None:
        """Build model and optimizer."""
        model = build_for_rois(config.model, rois)
        if model is None:
            raise ValueError(f'{config.filename} is not made for M = {rois}: leave it out of --rois')
        self.model = model.to(device).train()
        self.optimizer = build_optim_wrapper(self.model, config.optim_wrapper)
        self.batches = batches
        self.device = device
        self.waiting: list[float] = []  # seconds, of each turn
        self.speed: list[float] = []  # steps a second, of each turn

    def step(self, batch: dict) -> None:
        """Train on a batch."""
        self.model.train_step(batch, self.optimizer)
        synchronize(self.device)

    def turn(self, seconds: float, settle: int, clock: Callable[[], float]) -> None:
        """Train for some time, at least one step, after some steps that do not count."""
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
        """MiB of a training step, with weights and optimizer."""
        self.step(next(self.batches))  # makes the optimizer's state
        batch = next(self.batches)
        on_top = step_memory(lambda: self.step(batch), self.device)
        return None if on_top is None else held_memory(self.model, self.optimizer.optimizer) + on_top


def with_options(config: Config, options: str) -> tuple[str, Config]:
    """Change a config as an argument of --compare says.

    Args:
        config: Of the run; stays as it is.
        options: Names joined by ``+``.

    Returns:
        What to call the variant, and its config.

    Raises:
        ValueError: An option is unknown.
    """
    config, names = copy.deepcopy(config), []
    for option in options.split('+'):
        if option not in OPTIONS:
            raise ValueError(f'--compare knows {", ".join(OPTIONS)}, joined by +; got {option!r}')
        if option == 'amp':
            use_amp(config)
            names.append(option)
        else:
            switched = not config.model.encoder.get(option, False)
            config.model.encoder[option] = switched
            names.append(option if switched else f'no {option}')
    return ' + '.join(names), config


def endless_batches(config: Config, rois: int, folder: Path) -> Iterator[dict]:
    """Batch of the training loader with M crops for each person, one epoch after the other."""
    loader = copy.deepcopy(config.train_dataloader)
    dataset = usable_dataset(loader.dataset, folder)
    if dataset is not loader.dataset:  # few photos: repeated, so that the workers do not start anew
        loader.dataset = dict(type='RepeatDataset', dataset=dataset, times=100 * loader.batch_size)
        loader.sampler = dict(type='DefaultSampler', shuffle=True)
    set_crops(loader, num_rois=rois)
    built = Runner.build_dataloader(loader, seed=0)
    return itertools.chain.from_iterable(itertools.repeat(built))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--compare',
        nargs='+',
        default=[],
        metavar='OPTION',
        help=f'also with these changes, each for itself: {", ".join(OPTIONS)}, or several joined by +; '
        'an option of the encoder that CONFIG has is switched off',
    )
    parser.add_argument('--rois', type=int, nargs='+', metavar='M', help="default: CONFIG's")
    parser.add_argument('--batch-size', type=int, metavar='N', help="persons (default: CONFIG's)")
    parser.add_argument('--num-workers', type=int, help="of the loader (default: CONFIG's)")
    add_device_arguments(parser)
    add_timing_arguments(parser)
    add_clock_argument(parser)
    return parse(parser)


def apply_loader_arguments(config: Config, args: argparse.Namespace) -> None:
    """Give the loader the batch size and number of workers of the command line."""
    loader = config.train_dataloader
    if args.batch_size:
        loader.batch_size = args.batch_size
    if args.num_workers is not None:
        loader.num_workers = args.num_workers
    if not loader.num_workers:
        loader.pop('prefetch_factor', None)
        loader.persistent_workers = False


def measure(
    trainees: dict[tuple[str, int], Trainee], args: argparse.Namespace, loader: Any
) -> list[dict[str, Any]]:
    """Let all variants take turns.

    Args:
        trainees: By name and number of RoIs.
        args: Of the command line.
        loader: Config of the loader.

    Returns:
        A row for each.
    """
    peaks = {name: trainee.peak_memory() for name, trainee in trainees.items()}
    settle = loader.num_workers * loader.get('prefetch_factor', 2)
    clock = time.process_time if args.cpu_time else time.perf_counter
    for _ in range(args.rounds):
        for trainee in trainees.values():
            trainee.turn(args.seconds, settle, clock)
    speed = {name: loader.batch_size * float(np.median(trainee.speed)) for name, trainee in trainees.items()}
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


def main() -> None:
    """Measures."""
    args = parse_args()
    config = load_config(args)
    if 'optim_wrapper' not in config:
        raise ValueError(f'config {args.config} has no `optim_wrapper`: give one that tools/train.py runs')
    apply_loader_arguments(config, args)
    MMLogger.get_instance('mmengine', log_level='ERROR')
    machine = describe_machine(args.device)
    variants = dict([('as configured', config), *(with_options(config, text) for text in args.compare)])
    loader = config.train_dataloader
    with tempfile.TemporaryDirectory() as folder:
        trainees = {}
        for rois in args.rois or [read_crops(loader).num_rois]:
            batches = iter(endless_batches(config, rois, Path(folder)))
            for name, changed in variants.items():
                trainees[name, rois] = Trainee(changed, rois, batches, args.device)
        rows = measure(trainees, args, loader)
        del trainees, batches  # ends the workers before their photos go
    height, width = read_crops(loader).crop_size
    print(
        f'{args.config}: batches of {loader.batch_size} persons, crops of {height}x{width}, '
        f'{loader.num_workers} workers'
    )
    print_table(rows)
    write_json(
        args.json,
        config=args.config,
        machine=machine,
        batch_size=loader.batch_size,
        num_workers=loader.num_workers,
        cpu_time=args.cpu_time,
        crop_size=[height, width],
        rows=rows,
    )


if __name__ == '__main__':
    run_tool(main)
