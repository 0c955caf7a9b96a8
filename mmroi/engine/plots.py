"""Plots of trainings: curves of logged numbers and schedules of optimizer parameters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.engine.training_log import Curve
from mmroi.evaluation import require_matplotlib
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.named_errors import name_errors


def plot_curves(
    logs: Sequence[tuple[str, tuple[dict[str, Curve], dict[str, Curve]]]],
    keys: Sequence[str],
    out: Path,
    window: int = 1,
    title: str | None = None,
) -> None:
    """Plot a panel for each key, with a curve for each log.

    Args:
        logs: Name in the legend, and curves of training and validation as from ``read_curves``.
        keys: Names of numbers; those of training are drawn over iterations, those of validation over epochs.
        out: Image file to write.
        window: Number of logged values to average over; all of a curve that has fewer.
        title: Title of the figure.

    Raises:
        ImportError: If matplotlib is not installed.
        KeyError: If no log has a number of that name.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    known = sorted({name for _, parts in logs for part in parts for name in part})
    figure = Figure(figsize=(5.5 * len(keys), 4), layout='constrained')
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        if key not in known:
            raise KeyError(f'no log has {key!r}; there are: {", ".join(known)}')
        for name, (train, val) in logs:
            if key in train or key in val:
                _draw_curve(axes, train.get(key) or val[key], window, name)
        over = 'iteration' if any(key in train for _, (train, _) in logs) else 'epoch'
        axes.set(title=key, xlabel=over)
        axes.grid(alpha=0.3)
        axes.legend(fontsize='small')
    if title:
        figure.suptitle(title)
    with atomic_write(out) as temporary, name_errors(out, remedy='Give the file another ending'):
        figure.savefig(temporary, dpi=120)


def _draw_curve(axes: Any, curve: Curve, window: int, name: str) -> None:
    steps, values = curve
    window = min(window, len(values))
    smooth = np.convolve(values, np.ones(window) / window, 'valid') if window > 1 else values
    axes.plot(
        steps[len(steps) - len(smooth) :],
        smooth,
        label=name,
        linewidth=1.5,
        marker='o' if len(smooth) < 30 else None,
        markersize=3,
    )


def plot_schedule(
    values: Sequence[float], iterations: int, parameter: str, out: Path, title: str | None = None
) -> None:
    """Plot a parameter of the optimizer over iterations, with epochs on the upper axis.

    Args:
        values: Value of each iteration.
        iterations: Number of iterations in an epoch.
        parameter: Name of the parameter.
        out: Image file to write.
        title: Title of the figure.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout='constrained')
    axes = figure.subplots()
    axes.plot(values)
    axes.set(xlabel='iteration', ylabel=parameter, title=title)
    axes.grid(alpha=0.3)
    to_epochs = (lambda x: np.asarray(x) / iterations, lambda x: np.asarray(x) * iterations)
    axes.secondary_xaxis('top', functions=to_epochs).set_xlabel('epoch')
    with atomic_write(out) as temporary, name_errors(out, remedy='Give the file another ending'):
        figure.savefig(temporary, dpi=120)
