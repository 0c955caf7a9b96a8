"""Speed of prediction: the networks to compare, their batches and their measurement."""

import copy
import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from torch import nn

from mmroi.apis.init_model import load_weights
from mmroi.benchmark.speed.datasets import read_people, usable_dataset
from mmroi.benchmark.speed.memory import held_memory, step_memory
from mmroi.benchmark.speed.modes import parse_mode, with_mode
from mmroi.benchmark.speed.networks import (
    baselines,
    build_for_rois,
    prediction_step,
    random_batch,
)
from mmroi.benchmark.speed.timing import latency, take_turns, timed, typical
from mmroi.engine.pipelines import CropSettings, find_pipeline, read_crops, set_crops

Networks = Mapping[tuple[str, int], nn.Module]  # by name and number of RoIs
MakeBatch = Callable[[int, int], dict[str, Any]]  # from batch size and number of RoIs


class Variant(NamedTuple):
    """A combination to measure."""

    network: str
    rois: int
    batch: int
    precision: str
    mode: str


def build_networks(
    config: Config,
    rois: Sequence[int],
    device: torch.device,
    weights: str | None = None,
    with_baselines: bool = True,
) -> Networks:
    """Build the network of a config for several numbers of RoIs, and its baselines.

    Args:
        config: Config of a run.
        rois: Numbers of RoIs; those that the network does not support are reported and skipped.
        device: Where the networks are put.
        weights: Checkpoint of the config; None leaves the networks untrained.
        with_baselines: Add CLIFF and HMR.

    Returns:
        Networks in evaluation mode; all share one encoder.

    Raises:
        ValueError: If the network supports none of the numbers.
    """
    models: dict[tuple[str, int], Any] = {}
    for number in dict.fromkeys(rois):
        model = build_for_rois(config.model, number)
        if model is None:
            print(f'{config.filename} does not support M = {number}, which is skipped.')
        else:
            models[Path(config.filename).stem, number] = model
    if not models:
        raise ValueError(f'{config.filename} takes none of --rois {" ".join(map(str, rois))}')
    name, first = next(iter(models))
    encoder = models[name, first].encoder
    if weights:
        own = read_crops(config).num_rois
        trained: Any = models.get((name, own)) or build_for_rois(config.model, own)
        load_weights(trained, weights)
        encoder = trained.encoder  # fusion and head for other numbers of RoIs stay untrained
    if with_baselines:
        for baseline, model_config in baselines(config.model, encoder.out_channels).items():
            models[baseline, 1] = build_for_rois(model_config, 1)
    for model in models.values():
        model.encoder = encoder
        model.to(device).eval()
    return models


def batches_in_memory(crops: CropSettings) -> MakeBatch:
    """Make random crops once for each shape of a batch and return the same ones in every call.

    Args:
        crops: Size of crops, and whether a person has one or one for each RoI; the number of RoIs is open.

    Returns:
        A function from batch size and number of RoIs to a batch.
    """
    ready: dict[tuple[int, int], dict[str, Any]] = {}

    def batch(size: int, rois: int) -> dict[str, Any]:
        if (size, rois) not in ready:
            ready[size, rois] = random_batch(size, replace(crops, num_rois=rois))
        return ready[size, rois]

    return batch


def batches_from_images(
    config: Config, rois: Sequence[int], count: int, folder: Path, frame: Sequence[int]
) -> MakeBatch:
    """Read, decode and crop the images of the test set in every call, with the config's test pipeline.

    Args:
        config: Config of a run.
        rois: Numbers of RoIs; 1 is added for the baselines.
        count: Number of different people.
        folder: Folder for images that are made or scaled.
        frame: Width and height to which images are scaled.

    Returns:
        A function from batch size and number of RoIs to a batch.
    """
    dataset = usable_dataset(config.test_dataloader.dataset, folder)
    people = read_people(dataset, count, folder, frame)
    pipelines = {}
    for number in {1, *rois}:
        changed = copy.deepcopy(dataset)
        set_crops(changed, num_rois=number)
        pipelines[number] = Compose(find_pipeline(changed))

    def batch(size: int, rois: int) -> dict[str, Any]:
        packed = [pipelines[rois](copy.deepcopy(people[i % len(people)])) for i in range(size)]
        return {key: [sample[key] for sample in packed] for key in packed[0]}

    return batch


def make_steps(
    networks: Networks,
    batches: Mapping[str, MakeBatch],
    device: torch.device,
    batch_sizes: Sequence[int],
    precisions: Sequence[str],
    modes: Sequence[str],
    any_batch_size: bool = False,
) -> dict[Variant, Callable[[], object]]:
    """Combine networks with batch sizes, precisions and modes.

    Args:
        networks: By name and number of RoIs, on the device.
        batches: Gives the batches of each network, by its name.
        device: Where the networks are.
        batch_sizes: Numbers of people.
        precisions: ``fp32``, ``bf16``.
        modes: See ``parse_mode``.
        any_batch_size: See ``with_mode``.

    Returns:
        The call to measure, for each variant.
    """
    steps: dict[Variant, Callable[[], object]] = {}
    for size, precision, mode in itertools.product(batch_sizes, precisions, modes):
        for (name, rois), network in networks.items():
            variant = Variant(name, rois, size, precision, mode)
            steps[variant] = _make_step(variant, network, batches[name], device, any_batch_size)
    _raise_compile_limit(sum('compiled' in parse_mode(variant.mode) for variant in steps))
    return steps


def _make_step(
    variant: Variant, model: Any, batches: MakeBatch, device: torch.device, any_batch_size: bool
) -> Callable[[], object]:
    return prediction_step(
        with_mode(model, variant.mode, any_batch_size),
        lambda: batches(variant.batch, variant.rois),
        device,
        bf16=variant.precision == 'bf16',
    )


def _raise_compile_limit(count: int) -> None:
    """Allow this many compilations of a function; beyond its limit torch silently runs in eager mode."""
    for name in ('cache_size_limit', 'recompile_limit'):  # before and since torch 2.6
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, max(count, getattr(torch._dynamo.config, name)))


def measure_inference(
    networks: Networks,
    steps: Mapping[Variant, Callable[[], object]],
    device: torch.device,
    seconds: float,
    rounds: int,
    cpu_time: bool = False,
    compile_cost: bool = False,
) -> list[dict[str, Any]]:
    """Warm up all variants and measure them in turns.

    Args:
        networks: By name and number of RoIs; the first one is what the others are compared with.
        steps: The call of each variant.
        device: Where they run.
        seconds: Length of a turn.
        rounds: Number of turns of each variant.
        cpu_time: Measure the CPU time of this process instead of wall time.
        compile_cost: Measure the first calls of compiled networks, too.

    Returns:
        A row for each variant: ``frames_per_second``, its ``ratio`` to the first network with the same batch
        size, precision and mode, ``p50_ms``, ``p95_ms`` and ``peak_mib``; that of a CUDA graph, which keeps
        its memory, is None. With ``compile_cost``, two more, None unless compiled: ``compile_s``, the
        seconds that the first call takes more than the others (of CPU time, with the compiler's processes),
        and ``pays_from``, the number of people after which they are saved; None if that never comes, or the
        same mode without ``compiled`` is not measured.
    """
    clock = _cpu_time_of_all if cpu_time else time.perf_counter
    peaks, first_calls = {}, {}
    for variant, step in steps.items():
        first_calls[variant] = timed(step, device, clock)
        on_top = step_memory(step, device)
        held = held_memory(networks[variant.network, variant.rois])
        if 'cuda-graphs' in parse_mode(variant.mode):
            on_top = None
        peaks[variant] = None if on_top is None else held + on_top
    turns = take_turns(steps, device, seconds, rounds, cpu_time)
    speed = {variant: variant.batch / typical(turns[variant]) for variant in steps}
    network, rois = next(iter(networks))
    rows = [
        dict(
            variant._asdict(),
            frames_per_second=speed[variant],
            ratio=speed[variant] / speed[variant._replace(network=network, rois=rois)],
            **latency(turns[variant]),
            peak_mib=peaks[variant],
        )
        for variant in steps
    ]
    if compile_cost:
        for row, variant in zip(rows, steps, strict=True):
            row.update(_compile_cost(variant, first_calls[variant], speed))
    return rows


def _compile_cost(variant: Variant, first_call: float, speed: Mapping[Variant, float]) -> dict[str, Any]:
    """Return what compiling a variant takes, and from how many people on it pays."""
    options = parse_mode(variant.mode)
    if 'compiled' not in options:
        return dict(compile_s=None, pays_from=None)
    seconds = first_call - variant.batch / speed[variant]
    plain = options - {'compiled'}
    without = [v for v in speed if parse_mode(v.mode) == plain and v._replace(mode=variant.mode) == variant]
    saved = 1 / speed[without[0]] - 1 / speed[variant] if without else 0.0
    return dict(compile_s=seconds, pays_from=seconds / saved if saved > 0 else None)


def _cpu_time_of_all() -> float:
    """Return the CPU time of this process, and of the processes that it started and that have ended."""
    return sum(os.times()[:4])
