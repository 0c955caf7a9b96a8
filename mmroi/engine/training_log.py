"""What a training wrote into its log, over all runs that were resumed one after the other."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean


def training_minutes(work_dir: str | Path) -> float:
    """Time spent in training iterations.

    MMEngine logs the mean time of an iteration beside the number of iterations done; an iteration done again
    after an interruption counts once.

    Args:
        work_dir: Folder of the training.

    Returns:
        Minutes.
    """
    seconds_at = {
        entry['step']: entry['time'] for entry in read_log(work_dir) if 'loss' in entry and 'time' in entry
    }
    steps = sorted(seconds_at)
    total = sum((step - before) * seconds_at[step] for before, step in zip([0, *steps], steps, strict=False))
    return total / 60


def validation_curve(work_dir: str | Path, metric: str) -> dict[int, float]:
    """A metric over the epochs of a training.

    Args:
        work_dir: Folder of the training.
        metric: Its full name, such as ``3dpw/MPJPE``.

    Returns:
        Epoch to value; of an epoch validated again after an interruption, the last value.
    """
    return dict(
        sorted(
            (entry['step'], entry[metric])
            for entry in read_log(work_dir)
            if metric in entry and 'loss' not in entry
        )
    )


def last_epoch_mean(work_dir: str | Path, name: str) -> float | None:
    """Mean of a logged value over the last epoch of a training.

    MMEngine logs the mean of the last ``log_processor.window_size`` iterations; where an epoch has fewer, the
    window reaches into the one before.

    Args:
        work_dir: Folder of the training.
        name: Of the value, such as ``loss_keypoints2d``.

    Returns:
        The mean; of an iteration done again after an interruption, the last value counts. None if the log has
        no such value.
    """
    entries = [entry for entry in read_log(work_dir) if name in entry and 'epoch' in entry]
    last = max((entry['epoch'] for entry in entries), default=None)
    values = {entry['step']: entry[name] for entry in entries if entry['epoch'] == last}
    return fmean(values.values()) if values else None


def read_log(path: str | Path) -> Iterator[dict]:
    """Entries of a log in order: of iterations with ``loss`` and ``time``, of validations with metrics.

    Args:
        path: Folder of the training, or one log of it, ``scalars.json``.

    Yields:
        One dict for each line.
    """
    # The names of the folders are times, so that sorted they are in order.
    logs = sorted(Path(path).glob('*/vis_data/scalars.json')) if Path(path).is_dir() else [Path(path)]
    for log in logs:
        for line in log.read_text(encoding='utf-8').splitlines():
            yield json.loads(line)
