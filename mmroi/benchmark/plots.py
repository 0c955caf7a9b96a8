"""Plots of a suite: learning curves, bars per joint and per action, the cameras, and the differences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from mmroi.benchmark.columns import METRICS
from mmroi.benchmark.comparison import Comparison
from mmroi.benchmark.results import Summary
from mmroi.evaluation import Table, draw_bars, require_matplotlib
from mmroi.fileio.atomic import atomic_write

TABLES = ('per_joint', 'per_action')
COMPARED = ('MPJPE', 'PA-MPJPE', 'camera_translation')


def draw_all(summaries: Sequence[Summary], compared: Sequence[Comparison], folder: Path) -> list[Path]:
    """Draw all plots for which there is data.

    With several conditions, all but the differences are of the first one, whose training they share. Plots
    of an earlier report are removed.

    Args:
        summaries: The rows. Those without a complete run are skipped.
        compared: Differences between them.
        folder: Folder to write to; created if missing.

    Returns:
        The plots.

    Raises:
        ImportError: If matplotlib is missing.
    """
    paths = {name: folder / f'{name}.png' for name in ('curves', *TABLES, 'cameras', 'differences')}
    for path in paths.values():
        path.unlink(missing_ok=True)
    require_matplotlib()
    done = [summary for summary in summaries if summary.measured]
    done = [summary for summary in done if summary.row.condition == done[0].row.condition]
    plots = []
    trained = [summary for summary in done if any(len(one.curve) > 1 for one in summary.measured)]
    if trained:
        plots.append(draw_curves(trained, paths['curves']))
    for kind in TABLES:
        tables = {
            s.row.label: mean_table([one.tables[kind] for one in s.measured])
            for s in done
            if all(kind in one.tables for one in s.measured)
        }
        if tables:
            draw_bars(tables, paths[kind])
            plots.append(paths[kind])
    if any(summary.mean('camera_translation') is not None for summary in done):
        plots.append(draw_cameras(done, paths['cameras']))
    if compared:
        draw = draw_differences if len({one.condition for one in compared}) == 1 else draw_changes
        plots.append(draw(compared, paths['differences']))
    return plots


def draw_differences(comparisons: Sequence[Comparison], path: Path) -> Path:
    """Draw differences of MPJPE, PA-MPJPE and the camera error with their intervals.

    Args:
        comparisons: Comparisons.
        path: Image to write.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    names = [n for n in COMPARED if n in comparisons[0].differences]
    figure = Figure(figsize=(3.4 + 2.4 * len(names), 1.2 + 0.28 * len(comparisons)), layout='constrained')
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    places = np.arange(len(comparisons))[::-1]
    for axes, name in zip(panels, names, strict=True):
        axes.axvline(0, color='0.6', lw=1)
        for place, one in zip(places, comparisons, strict=True):
            if (found := one.differences.get(name)) is None or not np.isfinite(found.low):
                continue
            ends = [[found.mean - found.low], [found.high - found.mean]]
            color = '0.45' if not found.is_clear else 'C2' if found.mean < 0 else 'C3'
            axes.errorbar([found.mean], [place], xerr=ends, fmt='o', color=color, capsize=3, ms=4)
        axes.set_xlabel(f'Δ {METRICS[name].title}')
    figure.supxlabel('difference from the reference and its 95 % interval', fontsize='small')
    panels[0].set_yticks(places, [one.title for one in comparisons])
    panels[0].set_ylim(-0.6, len(comparisons) - 0.4)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path


def draw_changes(comparisons: Sequence[Comparison], path: Path) -> Path:
    """Draw the differences and their intervals under each condition, filled where they are clear.

    Args:
        comparisons: The same ones under several conditions.
        path: Image to write.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    names = [n for n in COMPARED if n in comparisons[0].differences]
    conditions = [*dict.fromkeys(one.condition.label for one in comparisons if one.condition)]
    titles = [*dict.fromkeys(one.title for one in comparisons)]
    figure = Figure(figsize=(2.2 + 1.1 * len(conditions), 1.4 + 2.4 * len(names)), layout='constrained')
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        axes.axhline(0, color='0.6', lw=1)
        axes.set_ylabel(f'Δ {METRICS[name].title}')
        for i, title in enumerate(titles):
            shift = 0.6 * ((i + 0.5) / len(titles) - 0.5)
            for one in comparisons:
                found = one.differences.get(name)
                if one.title != title or one.condition is None or found is None or not np.isfinite(found.low):
                    continue
                axes.errorbar(
                    [conditions.index(one.condition.label) + shift],
                    [found.mean],
                    yerr=[[found.mean - found.low], [found.high - found.mean]],
                    fmt='osD^v'[i % 5],
                    color=f'C{i}',
                    mfc=f'C{i}' if found.is_clear else 'white',
                    capsize=3,
                    ms=5,
                )
    panels[-1].set_xticks(range(len(conditions)), [label.replace(' ', '\n', 1) for label in conditions])
    handles = [
        panels[0].plot([], [], 'osD^v'[i % 5], color=f'C{i}', label=title)[0]
        for i, title in enumerate(titles)
    ]
    figure.legend(
        handles=handles,
        frameon=False,
        fontsize='small',
        loc='outside upper left',
        title='with 95 % intervals; filled where they exclude 0',
        title_fontsize='small',
        alignment='left',
    )
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path


def mean_table(tables: Sequence[Table]) -> Table:
    """Return the mean of tables with the same rows and columns."""
    names = [row[0] for row in tables[0].rows]
    values = np.mean([[row[1:] for row in table.rows] for table in tables], axis=0)
    return Table(tables[0].columns, [(name, *row) for name, row in zip(names, values.tolist(), strict=True)])


def draw_curves(summaries: Sequence[Summary], path: Path) -> Path:
    """Draw MPJPE over the epochs, as Figure 8: mean over the seeds and its 95 % interval (Student's t).

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
            half = values.std(axis=0, ddof=1) / len(values) ** 0.5 * student_t.ppf(0.975, len(values) - 1)
            band = (mean - half, mean + half)
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
            xerr=summary.standard_error('camera_spread'),
            yerr=summary.standard_error('camera_translation'),
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
