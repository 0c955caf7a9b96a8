"""People per second of the networks of a suite, as the paper's Table 4 counts frames."""

import json
from collections.abc import Callable, Sequence

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.benchmark.machine import describe_device
from mmroi.benchmark.running import Run
from mmroi.benchmark.speed.networks import prediction_step, random_batch
from mmroi.benchmark.speed.timing import take_turns, typical
from mmroi.engine.pipelines import read_crops
from mmroi.registry import MODELS

SECONDS, ROUNDS = 1.0, 5  # length and number of each network's turns


def measure_speed(runs: Sequence[Run]) -> None:
    """Measure the networks of all rows that are done and not measured yet, in turns.

    One person at a time, from crops in memory through network and body model, as
    ``tools/analysis_tools/benchmark_inference.py`` does. How fast a network is does not depend on its weights,
    so that of a row is built anew, once for all its seeds.

    Args:
        runs: Of the suite; each row's first one that is done gets the file ``speed``.
    """
    measured = [run.row for run in runs if run.speed.is_file()]
    chosen: list[Run] = []
    for run in runs:
        if run.is_done and run.row not in [*measured, *(other.row for other in chosen)]:
            chosen.append(run)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    steps = {run.name: _step(run, device) for run in chosen}
    for step in steps.values():  # libraries choose their ways in the first calls
        step()
        step()
    turns = take_turns(steps, device, SECONDS, ROUNDS)
    for run in chosen:
        speed = dict(fps=1 / typical(turns[run.name]), device=describe_device())
        run.speed.write_text(json.dumps(speed, indent=2), encoding='utf-8')


def _step(run: Run, device: torch.device) -> Callable[[], object]:
    config = Config.fromfile(run.config(run.stages[-1].name))
    init_default_scope(config.default_scope)
    crops = read_crops(config.test_dataloader)
    batch = random_batch(1, crops.num_rois, crops.crop_size)
    return prediction_step(MODELS.build(config.model).to(device).eval(), lambda: batch, device)
