"""Plots of a suite: learning curves, bars per joint and per action, and the cameras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.benchmark.results import Summary
from mmroi.evaluation import Table, draw_bars, require_matplotlib
from mmroi.fileio.atomic import atomic_write


def draw_all(summaries: Sequence[Summary], folder: Path) -> list[Path]:
    """Draw all plots for which there is data.

    Args:
        summaries: The rows. Those without a complete run are skipped.
        folder: Folder to write to; created if missing.

    Returns:
        The plots.

    Raises:
        ImportError: If matplotlib is missing.
    """
    require_matplotlib()
    done = [summary for summary in summaries if summary.measured]
    plots = []
    trained = [summary for summary in done if any(len(one.curve) > 1 for one in summary.measured)]
    if trained:
        plots.append(draw_curves(trained, folder / 'curves.png'))
    for kind in ('per_joint', 'per_action'):
        tables = {
            s.row.label: mean_table([one.tables[kind] for one in s.measured])
            for s in done
            if all(kind in one.tables for one in s.measured)
        }
        if tables:
            draw_bars(tables, folder / f'{kind}.png')
            plots.append(folder / f'{kind}.png')
    if any(summary.mean('camera_translation') is not None for summary in done):
        plots.append(draw_cameras(done, folder / 'cameras.png'))
    return plots


def mean_table(tables: Sequence[Table]) -> Table:
    """Return the mean of tables with the same rows and columns."""
    names = [row[0] for row in tables[0].rows]
    values = np.mean([[row[1:] for row in table.rows] for table in tables], axis=0)
    return Table(tables[0].columns, [(name, *row) for name, row in zip(names, values.tolist(), strict=True)])


def draw_curves(summaries: Sequence[Summary], path: Path) -> Path:
    """Draw MPJPE over the epochs, as Figure 8: mean over the seeds and a band of one deviation.

    Args:
        summaries: Rows with at least one complete run.
        path: Image to write.

    Returns:
        The path.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = _new_figure()
    for summary in summaries:
        curves = [one.curve for one in summary.measured]
        epochs = sorted(set.intersection(*(set(curve) for curve in curves)))
        values = np.array([[curve[epoch] for epoch in epochs] for curve in curves])
        mean = values.mean(axis=0)
        (line,) = axes.plot(epochs, mean, marker='.', label=summary.row.label)
        if len(values) > 1:
            deviation = values.std(axis=0, ddof=1)
            band = (mean - deviation, mean + deviation)
            axes.fill_between(epochs, *band, color=line.get_color(), alpha=0.15, lw=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel('epoch')
    axes.set_ylabel('MPJPE (mm)')
    return _save_figure(figure, path)


def draw_cameras(summaries: Sequence[Summary], path: Path) -> Path:
    """Draw spread and error of the full camera of each row. Rows without a spread are at the left edge.

    Args:
        summaries: Rows with at least one complete run.
        path: Image to write.

    Returns:
        The path.
    """
    from matplotlib.ticker import LogFormatter

    figure, axes = _new_figure()
    spreads = [spread for s in summaries if (spread := s.mean('camera_spread'))] or [1.0]
    edge = min(spreads) / 2
    for i, summary in enumerate(summaries):
        error = summary.mean('camera_translation')
        if error is None:
            continue
        spread = summary.mean('camera_spread')
        label = summary.row.label if spread is not None else f'{summary.row.label} (one RoI: no spread)'
        axes.errorbar(
            edge if spread is None else spread,
            error,
            xerr=summary.deviation('camera_spread'),
            yerr=summary.deviation('camera_translation'),
            fmt='<' if spread is None else 'osD^'[i // 10 % 4],
            color=f'C{i % 10}',
            label=label,
        )
    if max(spreads) > 5 * min(spreads):
        axes.set_xscale('log')
        for axis_formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            axis_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    axes.set_xlabel("spread of the full cameras of a person's RoIs (mm)")
    axes.set_ylabel('error of the full camera (mm)')
    return _save_figure(figure, path)


def _new_figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.2), layout='constrained')
    return figure, figure.subplots()


def _save_figure(figure: Any, path: Path) -> Path:
    figure.legend(frameon=False, fontsize='small', loc='outside right upper')
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path
