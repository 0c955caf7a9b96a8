"""People per second of the networks of a suite, as the paper's Table 4 counts frames."""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings

from mmroi.benchmark.machine import describe_device
from mmroi.benchmark.profiles import network_config
from mmroi.benchmark.runs import Run
from mmroi.benchmark.speed.networks import prediction_step, random_batch
from mmroi.benchmark.speed.timing import take_turns, typical
from mmroi.engine.pipelines import read_crops
from mmroi.fileio.atomic import atomic_write
from mmroi.registry import MODELS

SECONDS, ROUNDS = 1.0, 5  # length and number of turns per network


@dataclass(frozen=True)
class FrameRates:
    """People per second of the networks of one table, measured in turns.

    Attributes:
        fps: By name of the row.
        device: What they were measured on.
    """

    fps: Mapping[str, float]
    device: str


def read_frame_rates(path: Path) -> FrameRates | None:
    """Read the frame rates of a table.

    Args:
        path: File that ``measure_frame_rates`` wrote.

    Returns:
        The frame rates; None if they were not measured.

    Raises:
        ValueError: The file is damaged.
    """
    try:
        found = json.loads(path.read_bytes())
        fps = {str(row): float(value) for row, value in found['fps'].items()}
        return FrameRates(fps, str(found['device']))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f'{path} is damaged ({error}); remove it to measure again') from error


def measure_frame_rates(runs: Sequence[Run], profile: Config, path: Path) -> FrameRates:
    """Measure the networks of all rows that are done, in turns, unless the file has them all.

    One person at a time, from crops in memory through network and body model, like
    ``tools/analysis_tools/benchmark_inference.py``. Speed does not depend on the weights, so the network of a
    row is built from its config, once for all seeds.

    Args:
        runs: Runs of the suite.
        profile: The profile.
        path: File to write.

    Returns:
        The frame rates.

    Raises:
        ValueError: The file is damaged.
    """
    done = {run.row.full_name: run for run in runs if run.is_done}
    known = read_frame_rates(path)
    if known and set(done) <= set(known.fps):
        return known
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    steps: dict[Hashable, Callable[[], object]] = {
        name: _step(run, profile, device) for name, run in done.items()
    }
    for step in steps.values():  # the first calls choose algorithms
        step()
        step()
    turns = take_turns(steps, device, SECONDS, ROUNDS)
    rates = FrameRates({name: 1 / typical(turns[name]) for name in done}, describe_device())
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(rates), indent=2), encoding='utf-8')
    return rates


def _step(run: Run, profile: Config, device: torch.device) -> Callable[[], object]:
    config = network_config(run.row, profile, run.seed)
    import_modules_from_strings(**config.get('custom_imports', dict(imports=None)))
    init_default_scope(config.default_scope)
    batch = random_batch(1, read_crops(config.test_dataloader))
    return prediction_step(MODELS.build(config.model).to(device).eval(), lambda: batch, device)
