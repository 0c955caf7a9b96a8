"""The log of a training, over all runs that were resumed one after the other."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

Curve = tuple[np.ndarray, np.ndarray]
"""Steps and values, both (N,)."""


def training_minutes(work_dir: str | Path) -> float:
    """Return the time spent in training iterations, in minutes.

    MMEngine logs the mean time of an iteration beside the number of iterations done; an iteration repeated
    after an interruption counts once.

    Args:
        work_dir: Work folder of the training.
    """
    seconds_at = {
        entry['step']: entry['time'] for entry in read_log(work_dir) if 'loss' in entry and 'time' in entry
    }
    steps = sorted(seconds_at)
    total = sum((step - before) * seconds_at[step] for before, step in zip([0, *steps], steps, strict=False))
    return total / 60


def validation_curve(work_dir: str | Path, metric: str) -> dict[int, float]:
    """Return a metric over the epochs of a training.

    Args:
        work_dir: Work folder of the training.
        metric: Full name of the metric, such as ``3dpw/MPJPE``.

    Returns:
        Epoch to value; for an epoch validated again after an interruption, the last value.
    """
    return dict(
        sorted(
            (entry['step'], entry[metric])
            for entry in read_log(work_dir)
            if metric in entry and 'loss' not in entry
        )
    )


def last_epoch_mean(work_dir: str | Path, name: str) -> float | None:
    """Return the mean of a logged value over the last epoch of a training.

    MMEngine logs the mean of the last ``log_processor.window_size`` iterations; if an epoch has fewer, the
    window reaches into the previous one.

    Args:
        work_dir: Work folder of the training.
        name: Name of the value, such as ``loss_keypoints2d``.

    Returns:
        The mean, in which an iteration repeated after an interruption counts with its last value; None if the
        log has no such value.
    """
    entries = [entry for entry in read_log(work_dir) if name in entry and 'epoch' in entry]
    last = max((entry['epoch'] for entry in entries), default=None)
    values = {entry['step']: entry[name] for entry in entries if entry['epoch'] == last}
    return fmean(values.values()) if values else None


def read_curves(log: str | Path) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """Read all numbers of a training.

    Args:
        log: Work folder, or one of its files ``*/vis_data/scalars.json``.

    Returns:
        Curves by name, those of training over iterations and those of validation over epochs. A step repeated
        after an interruption has its last value.

    Raises:
        FileNotFoundError: If there is no log.
        ValueError: If a file is not a log.
    """
    parts: tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]] = {}, {}
    for entry in read_log(log):
        for key, value in entry.items():
            if key not in ('step', 'iter', 'epoch'):
                parts['loss' not in entry].setdefault(key, {})[entry['step']] = value
    if not any(parts):
        raise FileNotFoundError(f'{log} has no */vis_data/scalars.json: name the work folder of a training')
    train, val = ({key: _curve(points) for key, points in part.items()} for part in parts)
    return train, val


def _curve(points: dict[int, float]) -> Curve:
    steps = sorted(points)
    return np.array(steps), np.array([points[step] for step in steps], np.float64)


def read_log(path: str | Path) -> Iterator[dict[str, Any]]:
    """Read the entries of a log in order: iterations with ``loss`` and ``time``, validations with metrics.

    The last line of a run is left out if it is not complete, as after a kill or on a full disk.

    Args:
        path: Work folder, or one of its files ``*/vis_data/scalars.json``.

    Yields:
        One dict per line.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is not a log.
    """
    # The names of the folders are times, so that sorting them gives the order of the runs.
    logs = sorted(Path(path).glob('*/vis_data/scalars.json')) if Path(path).is_dir() else [Path(path)]
    for log in logs:
        lines = log.read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                if not isinstance(entry, dict):
                    raise ValueError(f'line {number} is no object')
            except ValueError as error:  # JSON or encoding
                if number == len(lines) and (number > 1 or log != Path(path)):
                    break
                raise ValueError(f'{log} is no log of MMEngine (scalars.json): {error}') from error
            yield entry
