"""What the runs measured, from the files that they left; needs neither data nor network."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.benchmark.running import Run
from mmroi.benchmark.suites import Row
from mmroi.engine.training_log import last_epoch_mean, training_minutes, validation_curve
from mmroi.evaluation import MeanPoseBaseline, MeshMetric, MeshResults, Table
from mmroi.registry import METRICS, MODELS

METRIC_NAMES = (
    'MPJPE',
    'PA-MPJPE',
    'PVE',
    'PCK',
    'AUC',
    'PA-PCK',
    'PA-AUC',
    'camera_translation',
    'depth',
    'camera_spread',
)
COST_NAMES = ('parameters', 'minutes', 'people')


@dataclass(frozen=True)
class Measured:
    """What one run measured.

    Attributes:
        run: The run.
        numbers: By name: those of the metric (mm, per cent, degrees), ``parameters`` (millions that predict),
            ``minutes`` of training, ``people`` seen in training, ``L_2D`` (1e-3), the 2D loss over the last epoch
            without its weight, and where it was measured, ``fps``, people per second.
        tables: ``per_joint`` and, where actions are known, ``per_action``.
        curve: Epoch to MPJPE on the test photos, in the course of training.
        people: Number of people tested.
        record: When, on what and with what code.
    """

    run: Run
    numbers: dict[str, float]
    tables: dict[str, Table]
    curve: dict[int, float]
    people: int
    record: dict[str, str]


@dataclass(frozen=True)
class Summary:
    """A row over its seeds.

    Attributes:
        row: The row.
        measured: Its runs that are done.
        failures: Last words of those that failed.
        missing: How many were not run.
    """

    row: Row
    measured: tuple[Measured, ...]
    failures: tuple[str, ...]
    missing: int

    def mean(self, name: str) -> float | None:
        """Mean of a number over the seeds; None where no run has it."""
        values = self._values(name)
        return statistics.fmean(values) if values else None

    def deviation(self, name: str) -> float | None:
        """Sample standard deviation of a number over the seeds; None for fewer than two."""
        values = self._values(name)
        return statistics.stdev(values) if len(values) > 1 else None

    def _values(self, name: str) -> list[float]:
        return [one.numbers[name] for one in self.measured if name in one.numbers]


def measure(run: Run) -> Measured:
    """Evaluate a run that is done.

    Args:
        run: The run.

    Returns:
        Its numbers.
    """
    config = Config.fromfile(run.config('test'))
    init_default_scope(config.default_scope)
    metric = METRICS.build(config.test_evaluator)
    results = MeshResults(run.results)
    for batch in results.batches(metric.bodies.neutral):
        metric.process(None, batch)
    numbers = _without_prefix(metric.evaluate(len(results)))
    numbers['parameters'] = count_parameters(config) / 1e6
    numbers['minutes'] = sum(training_minutes(stage) for stage in run.stages)
    record = json.loads(run.record.read_text(encoding='utf-8'))
    numbers['people'] = record.pop('people_seen')
    if (loss := final_loss_2d(run, config)) is not None:
        numbers['L_2D'] = 1e3 * loss
    curve = validation_curve(run.stages[0], f'{metric.protocol.name}/MPJPE')
    return Measured(run, numbers, metric.tables, curve, len(results), record)


def final_loss_2d(run: Run, config: Config) -> float | None:
    """Mean of the 2D loss over the last epoch of a run's training.

    Args:
        run: The run.
        config: With its losses.

    Returns:
        The mean without the weight of the loss; None for networks that are trained without it.
    """
    loss = config.model.losses.get('keypoints2d')
    mean = last_epoch_mean(run.stages[-1], 'loss_keypoints2d') if loss else None
    return None if mean is None else mean / MODELS.build(loss).loss_weight


def summarize(runs: Sequence[Run], rows: Sequence[Row], known: dict[str, Measured]) -> list[Summary]:
    """Gather the runs of each row.

    Args:
        runs: All runs of the suite.
        rows: Its rows, in the table's order.
        known: Runs that were measured before, by name; gets the others.

    Returns:
        One summary per row.
    """
    for run in runs:
        if run.is_done and run.name not in known:
            known[run.name] = measure(run)
    summaries = []
    for row in rows:
        own = [run for run in runs if run.row == row]
        failures = tuple(
            run.failure.read_text(encoding='utf-8').strip()
            for run in own
            if run.failure.is_file() and not run.is_done
        )
        measured = tuple(_with_speed(known[run.name]) for run in own if run.is_done)
        summaries.append(Summary(row, measured, failures, len(own) - len(measured) - len(failures)))
    return summaries


def _with_speed(one: Measured) -> Measured:
    """Add what is measured after all runs have ended."""
    if not one.run.speed.is_file():
        return one
    speed = json.loads(one.run.speed.read_text(encoding='utf-8'))
    return replace(
        one,
        numbers={**one.numbers, 'fps': speed['fps']},
        record={**one.record, 'speed_device': speed['device']},
    )


def mean_pose(run: Run) -> dict[str, float]:
    """Errors of the same mean body for everyone, on the people of a run.

    Args:
        run: A run that is done.

    Returns:
        Numbers of the metric.
    """
    config = Config.fromfile(run.config('test'))
    init_default_scope(config.default_scope)
    evaluator = {key: value for key, value in config.test_evaluator.items() if key != 'type'}
    metric: MeshMetric = MeanPoseBaseline(**evaluator)
    results = MeshResults(run.results)
    for batch in results.batches(metric.bodies.neutral):
        metric.process(None, batch)
    return _without_prefix(metric.evaluate(len(results)))


@torch.no_grad()
def count_parameters(config: Config) -> int:
    """Number of the parameters that predict.

    Args:
        config: Config of a model.

    Returns:
        Without those that only training uses.
    """
    return MODELS.build(config.model).num_parameters()


def _without_prefix(numbers: dict[str, float]) -> dict[str, float]:
    return {name.rpartition('/')[2]: value for name, value in numbers.items()}
