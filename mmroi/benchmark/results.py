"""What the runs measured, read from their files; needs neither datasets nor checkpoints."""

import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from mmroi.benchmark.frame_rate import FrameRates
from mmroi.benchmark.runs import Run
from mmroi.benchmark.suites import Row
from mmroi.engine.training_log import last_epoch_mean, training_minutes, validation_curve
from mmroi.evaluation import MeshMetric, MeshResults, Table
from mmroi.evaluation.person_errors import read_person_errors
from mmroi.registry import METRICS, MODELS
from mmroi.utils.errors import explain

PAIRED = ('MPJPE', 'PA-MPJPE', 'PVE', 'camera_translation', 'depth', 'camera_spread')


@dataclass(frozen=True)
class Measured:
    """What one run measured.

    Attributes:
        run: The run.
        numbers: By column: metrics (mm, %), ``parameters`` (millions), ``minutes`` of training, ``people``
            seen in training, ``L_2D`` (1e-3), and if measured, ``fps`` and ``ms``.
        tables: ``per_joint`` and, if actions are known, ``per_action``.
        curve: Epoch to MPJPE on the validation images.
        people: Number of people tested.
        record: Date, device, and code.
        errors: Errors (N,) of each person by name, for paired comparisons; NaN where a person has none.
        images: Name (N,) of the image of each person; None if unknown.
    """

    run: Run
    numbers: dict[str, float]
    tables: dict[str, Table]
    curve: dict[int, float]
    people: int
    record: dict[str, str]
    errors: dict[str, np.ndarray] = field(default_factory=dict)
    images: np.ndarray | None = None


@dataclass(frozen=True)
class Summary:
    """A row over its seeds.

    Attributes:
        row: The row.
        measured: Its runs that are done.
        failures: Messages of those that failed or cannot be read.
        missing: Number of those that were not run.
    """

    row: Row
    measured: tuple[Measured, ...]
    failures: tuple[str, ...]
    missing: int

    def mean(self, name: str) -> float | None:
        """Return the mean of a number over the seeds, or None if no run has it."""
        values = self._values(name)
        return statistics.fmean(values) if values else None

    def standard_error(self, name: str) -> float | None:
        """Return the standard error of the mean over the seeds, or None for fewer than two."""
        return _standard_error(self._values(name))

    def of_people(self, name: str, people: np.ndarray) -> tuple[float, float | None] | None:
        """Return the mean error of some people, and the standard error of the mean over the seeds.

        Args:
            name: Name of the error.
            people: Mask (N,) of the people.

        Returns:
            The second is None for fewer than two seeds; None if no run has the error.
        """
        errors = [one.errors[name] for one in self.measured if name in one.errors]
        found = [one[people][np.isfinite(one[people])] for one in errors if len(one) == len(people)]
        values = [float(one.mean()) for one in found if one.size]
        return (statistics.fmean(values), _standard_error(values)) if values else None

    def _values(self, name: str) -> list[float]:
        return [one.numbers[name] for one in self.measured if name in one.numbers]


def _standard_error(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None


def measure(run: Run) -> Measured:
    """Evaluate a run that is done.

    Args:
        run: The run.

    Returns:
        Its numbers.
    """
    config = Config.fromfile(run.config('test'))
    numbers, metric, rows = _evaluate(run, config)
    numbers['parameters'] = _num_parameters(config.model) / 1e6
    record = run.read_record()
    people_seen, curve = record.pop('people_seen'), {}
    if run.stages:
        numbers['minutes'] = sum(training_minutes(stage) for stage in run.stages)
        numbers['people'] = people_seen
        curve = validation_curve(run.stages[0], f'{metric.protocol.name}/MPJPE')
        if (loss := final_loss_2d(run, config)) is not None:
            numbers['L_2D'] = 1e3 * loss
    errors = {name: np.array([row.get(name, np.nan) for row in rows]) for name in PAIRED}
    known = {name: values for name, values in errors.items() if not np.isnan(values).all()}
    images = np.array([row['img_path'] for row in rows]) if all('img_path' in row for row in rows) else None
    return Measured(run, numbers, metric.tables, curve, len(rows), record, known, images)


def mean_pose(run: Run) -> dict[str, float]:
    """Evaluate the same mean body for everyone, on the people of a run.

    Args:
        run: A run that is done.

    Returns:
        Its metrics.
    """
    config = Config.fromfile(run.config('test'))
    config.test_evaluator.type = 'MeanPoseBaseline'
    metric = _build_metric(config)
    return _without_protocol(MeshResults(run.results).evaluate(metric))


def _evaluate(run: Run, config: Config) -> tuple[dict[str, float], MeshMetric, list[dict[str, Any]]]:
    """Average the errors of each person; without a file that names images, evaluate the results first."""
    metric = _build_metric(config)
    rows: list[dict[str, Any]] = []
    with suppress(FileNotFoundError):
        rows = read_person_errors(run.errors, metric.protocol.name)
    if not all('img_path' in row for row in rows) or not rows:
        MeshResults(run.results).process(metric)
        rows = [row for row in metric.results if row]
    return _without_protocol(metric.compute_metrics([*rows])), metric, rows


def _build_metric(config: Config) -> MeshMetric:
    init_default_scope(config.default_scope)
    return METRICS.build(config.test_evaluator)


def _without_protocol(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name.rpartition('/')[2]: value for name, value in numbers.items()}


_counted: dict[str, int] = {}


def _num_parameters(model: ConfigDict) -> int:
    """Count the parameters of a network; rows have many seeds, and building one takes a second."""
    key = json.dumps(model, sort_keys=True, default=str)
    if key not in _counted:
        _counted[key] = MODELS.build(model).num_parameters()
    return _counted[key]


def final_loss_2d(run: Run, config: Config) -> float | None:
    """Compute the mean of the 2D loss over the last epoch of a run's training.

    Args:
        run: The run.
        config: Config of the run.

    Returns:
        The mean, without the weight of the loss; None if the network is trained without it.
    """
    loss = config.model.losses.get('keypoints2d')
    mean = last_epoch_mean(run.stages[-1], 'loss_keypoints2d') if loss else None
    return None if mean is None else mean / MODELS.build(loss).loss_weight


def summarize(
    runs: Sequence[Run], rows: Sequence[Row], known: dict[str, Measured], rates: FrameRates | None = None
) -> list[Summary]:
    """Gather the runs of each row.

    Args:
        runs: All runs of the suite.
        rows: Its rows, in the order of the table.
        known: Runs that are measured already, by name. The others are added.
        rates: Speed of the networks, which the first run of each row is given.

    Returns:
        One summary per row.
    """
    failed: dict[str, str] = {}
    for run in runs:
        if run.is_done and run.name not in known:
            try:
                known[run.name] = measure(run)
            except Exception as error:  # of one row: the others are reported
                failed[run.name] = f'{run.folder} cannot be evaluated: {explain(error)}'
        elif message := run.read_failure():
            failed[run.name] = message
    summaries = []
    for row in rows:
        own = [run for run in runs if run.row == row]
        failures = tuple(failed[run.name] for run in own if run.name in failed)
        measured = [known[run.name] for run in own if run.is_done and run.name not in failed]
        if measured and rates and row.name in rates.fps:
            measured[0] = _with_speed(measured[0], rates)
        summaries.append(Summary(row, tuple(measured), failures, len(own) - len(measured) - len(failures)))
    return summaries


def _with_speed(one: Measured, rates: FrameRates) -> Measured:
    """Add what is measured after all runs are done, once for all seeds."""
    fps = rates.fps[one.run.row.name]
    return replace(
        one,
        numbers={**one.numbers, 'fps': fps, 'ms': 1e3 / fps},
        record={**one.record, 'speed_device': rates.device},
    )
