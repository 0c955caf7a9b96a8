"""People per second of the networks of a suite, as the paper's Table 4 counts frames."""

import json
from collections.abc import Callable, Hashable, Sequence

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


def measure_frame_rates(runs: Sequence[Run], profile: Config) -> None:
    """Measure the networks of all rows that are done and not measured yet, in turns.

    One person at a time, from crops in memory through network and body model, like
    ``tools/analysis_tools/benchmark_inference.py``. Speed does not depend on the weights, so the network of a
    row is built from its config, once for all seeds.

    Args:
        runs: Runs of the suite. ``Run.speed`` is written for the first complete run of each row.
        profile: The profile.
    """
    measured = [run.row for run in runs if run.read_speed() is not None]
    chosen: list[Run] = []
    for run in runs:
        if run.is_done and run.row not in [*measured, *(other.row for other in chosen)]:
            chosen.append(run)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    steps: dict[Hashable, Callable[[], object]] = {run.name: _step(run, profile, device) for run in chosen}
    for step in steps.values():  # the first calls choose algorithms
        step()
        step()
    turns = take_turns(steps, device, SECONDS, ROUNDS)
    for run in chosen:
        speed = dict(fps=1 / typical(turns[run.name]), device=describe_device())
        with atomic_write(run.speed) as path:
            path.write_text(json.dumps(speed, indent=2), encoding='utf-8')


def _step(run: Run, profile: Config, device: torch.device) -> Callable[[], object]:
    config = network_config(run.row, profile, run.seed)
    import_modules_from_strings(**config.get('custom_imports', dict(imports=None)))
    init_default_scope(config.default_scope)
    batch = random_batch(1, read_crops(config.test_dataloader))
    return prediction_step(MODELS.build(config.model).to(device).eval(), lambda: batch, device)
