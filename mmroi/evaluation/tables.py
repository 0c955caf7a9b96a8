"""Errors per joint and per action: tables, CSV files, and bar plots."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mmroi.evaluation.functional import auc, pck
from mmroi.fileio.atomic import atomic_write

TEXTS = ('action', 'img_path')  # what is known of a sample beside its errors


class Table(NamedTuple):
    """A table whose first column names the rows.

    Attributes:
        columns: Names of the columns.
        rows: A name and numbers, NaN if there is none.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def mean_errors(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Average each error over the samples that have it.

    Args:
        results: Errors of each sample by name, NaN if unknown; ``joints``, ``action`` and
            ``img_path`` are ignored.

    Returns:
        Name of error to mean, without those that no sample has.
    """
    means = {}
    for name in dict.fromkeys(name for result in results for name in result):
        if name not in ('joints', *TEXTS):
            values = np.array([result.get(name, np.nan) for result in results])
            if not np.isnan(values).all():
                means[name] = float(np.nanmean(values))
    return means


def make_tables(
    results: Sequence[Mapping[str, Any]], joint_names: Sequence[str], pck_threshold: float | None = None
) -> dict[str, Table]:
    """Make the tables of one evaluation.

    Args:
        results: Errors of each sample: ``joints`` (K), others by name, and ``action`` if it is known.
        joint_names: K names.
        pck_threshold: Threshold of PCK and the largest of AUC; None for neither.

    Returns:
        ``per_joint``: MPJPE, and optionally PCK and AUC, of each joint. ``per_action``, if any sample has an
        action: number of samples and mean of each error per action. The last row of both, ``all``, is the
        mean over all samples.
    """
    errors_of_joints = torch.tensor([result['joints'] for result in results], dtype=torch.float64).T
    columns = {'MPJPE': errors_of_joints.mean(dim=1)}
    if pck_threshold is not None:
        columns['PCK'] = pck(errors_of_joints, pck_threshold)
        columns['AUC'] = auc(errors_of_joints, pck_threshold)
    values = torch.stack([*columns.values()], dim=1)
    values = torch.cat([values, values.mean(dim=0, keepdim=True)])
    rows: list[tuple[Any, ...]] = [
        (name, *row) for name, row in zip((*joint_names, 'all'), values.tolist(), strict=True)
    ]
    tables = {'per_joint': Table(('joint', *columns), rows)}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if 'action' in result:
            groups.setdefault(result['action'], []).append(result)
    if groups:
        means = {action: mean_errors(groups[action]) for action in sorted(groups)}
        means['all'] = mean_errors(results)
        groups['all'] = list(results)
        rows = [
            (action, len(groups[action]), *(errors.get(name, float('nan')) for name in means['all']))
            for action, errors in means.items()
        ]
        tables['per_action'] = Table(('action', 'samples', *means['all']), rows)
    return tables


def save_tables(tables: Mapping[str, Table], folder: str | Path, prefix: str) -> None:
    """Write ``<prefix>_<name>.csv`` for each table.

    Args:
        tables: By name.
        folder: Created if missing.
        prefix: Such as the name of the protocol.
    """
    for name, table in tables.items():
        with (
            atomic_write(Path(folder) / f'{prefix}_{name}.csv') as path,
            open(path, 'w', newline='', encoding='utf-8') as file,
        ):
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows(table.rows)


def require_matplotlib() -> None:
    """Fail early if plots cannot be drawn.

    Raises:
        ImportError: If matplotlib is missing.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib, which is in the extra `vis`: pip install 'mmroi[vis]'"
        ) from error


def draw_bars(tables: Mapping[str, Table], path: str | Path, column: str = 'MPJPE', unit: str = 'mm') -> None:
    """Draw one column of several tables as groups of bars, as in the paper's Figure 7.

    Args:
        tables: Tables of one or several evaluations, by the name for the legend.
        path: Image to write. Its suffix determines the format.
        column: Name of the column.
        unit: Unit of the column.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: If the tables have different rows.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    first = next(iter(tables.values()))
    names = [row[0] for row in first.rows]
    legend_width = 2.0 if len(tables) > 1 else 0.0
    figure = Figure(figsize=(max(4.0, 0.6 * len(names)) + legend_width, 3.6), layout='constrained')
    axes = figure.subplots()
    width = 0.8 / len(tables)
    for i, (label, table) in enumerate(tables.items()):
        if [row[0] for row in table.rows] != names:
            raise ValueError(
                f'the tables of {next(iter(tables))} and {label} differ in their {first.columns[0]}s; '
                'evaluate both on the same data'
            )
        index = table.columns.index(column)
        place = np.arange(len(names)) + (i - (len(tables) - 1) / 2) * width
        axes.bar(place, [row[index] for row in table.rows], width, label=label)
    axes.set_xticks(range(len(names)), names, rotation=45, ha='right')
    axes.set_ylabel(f'{column} ({unit})')
    if len(tables) > 1:
        figure.legend(frameon=False, fontsize='small', loc='outside right upper')
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
