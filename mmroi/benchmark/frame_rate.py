"""People per second of the networks of a suite, as the paper's Table 4 counts frames."""

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.benchmark.machine import describe_device
from mmroi.benchmark.profiles import network_config
from mmroi.benchmark.runs import Run
from mmroi.benchmark.speed.networks import prediction_step, random_batch
from mmroi.benchmark.speed.timing import take_turns, typical
from mmroi.engine.custom_imports import import_custom_modules
from mmroi.engine.pipelines import read_crops
from mmroi.fileio.atomic import atomic_write
from mmroi.registry import MODELS

SECONDS, ROUNDS = 1.0, 5  # length and number of turns per network


@dataclass(frozen=True)
class FrameRates:
    """People per second of the networks of one table, measured in turns.

    Attributes:
        fps: By name of the row.
        networks: A digest of what was measured, by name of the row.
        device: What they were measured on.
    """

    fps: Mapping[str, float]
    networks: Mapping[str, str]
    device: str


def read_frame_rates(path: Path, runs: Sequence[Run], profile: Config) -> FrameRates | None:
    """Read the frame rates of a table.

    Args:
        path: File that ``measure_frame_rates`` wrote.
        runs: Runs of the suite.
        profile: The profile.

    Returns:
        The frame rates of those rows of the runs whose networks have not changed since; None without a file.

    Raises:
        ValueError: The file is damaged.
    """
    return _read(path, _digests(_one_of_each(runs), profile))


def _read(path: Path, networks: Mapping[str, str]) -> FrameRates | None:
    """Read the frame rates of networks with these digests."""
    try:
        found = json.loads(path.read_bytes())
        fps = {str(row): float(value) for row, value in found['fps'].items()}
        before = {row: str(found['networks'][row]) for row in fps}
        device = str(found['device'])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f'{path} is damaged ({error}); remove it to measure again') from error
    same = {row: network for row, network in networks.items() if before.get(row) == network}
    return FrameRates({row: fps[row] for row in same}, same, device)


def measure_frame_rates(runs: Sequence[Run], profile: Config, path: Path) -> None:
    """Measure the networks of all rows that are done, in turns, unless the file has them all.

    One person at a time, from crops in memory through network and body model, like
    ``tools/analysis_tools/benchmark_inference.py``. Speed does not depend on the weights, so the network of a
    row is built from its config, once for all seeds and conditions.

    Args:
        runs: Runs of the suite.
        profile: The profile.
        path: File to write.

    Raises:
        ValueError: The file is damaged.
    """
    done = _one_of_each([run for run in runs if run.is_done])
    networks = _digests(done, profile)
    known = _read(path, networks)
    if known and set(done) <= set(known.fps):
        return
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    steps: dict[Hashable, Callable[[], object]] = {
        name: _step(run, profile, device) for name, run in done.items()
    }
    for step in steps.values():  # the first calls choose algorithms
        step()
        step()
    turns = take_turns(steps, device, SECONDS, ROUNDS)
    rates = FrameRates({name: 1 / typical(turns[name]) for name in done}, networks, describe_device())
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(rates), indent=2), encoding='utf-8')


def _one_of_each(runs: Sequence[Run]) -> dict[str, Run]:
    return {run.row.name: run for run in runs}


def _digests(runs: Mapping[str, Run], profile: Config) -> dict[str, str]:
    return {name: _digest(run, profile) for name, run in runs.items()}


def _digest(run: Run, profile: Config) -> str:
    config = network_config(run.row, profile, 0)
    measured = dict(model=config.model, crops=read_crops(config.test_dataloader))
    return hashlib.sha256(json.dumps(measured, sort_keys=True, default=str).encode()).hexdigest()


def _step(run: Run, profile: Config, device: torch.device) -> Callable[[], object]:
    config = network_config(run.row, profile, run.seed)
    import_custom_modules(config)
    init_default_scope(config.default_scope)
    batch = random_batch(1, read_crops(config.test_dataloader))
    return prediction_step(MODELS.build(config.model).to(device).eval(), lambda: batch, device)
