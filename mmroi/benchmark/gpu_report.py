"""The summary of ``tools/benchmark_gpu.py``: aims, and a table for each step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mmroi.benchmark.speed.command_line import format_table

Figures = Mapping[str, Any]  # by name of the step
_NOT_MEASURED = 'not measured'


class Aim(NamedTuple):
    """A figure with a limit.

    Attributes:
        text: What is measured.
        limit: Where the aim begins.
        unit: Unit of both.
        measure: From the figures of all steps to the figure; raises KeyError, ValueError or TypeError if it
            was not measured.
        at_least: Whether the figure is to be at least the limit, or below it.
    """

    text: str
    limit: float
    unit: str
    measure: Callable[[Figures], float]
    at_least: bool = False


def _persons_per_second(figures: Figures) -> float:
    rows = figures['speed-r50']['rows']
    return max(row['frames_per_second'] for row in rows if (row['precision'], row['batch']) == ('bf16', 32))


def _camera_difference(figures: Figures) -> float:
    return max(row['local_cameras'] for row in figures['numerics']['rows'] if row['precision'] == 'fp32')


def _smallest_ratio(figures: Figures) -> float:
    """Frames/s with five RoIs relative to one, at the batch, precision, and mode where it is least."""
    speeds: dict[int, dict[tuple[Any, ...], float]] = {1: {}, 5: {}}
    for row in figures['shared-map']['rows']:
        speeds[row['rois']][row['batch'], row['precision'], row['mode']] = row['frames_per_second']
    return min(speed / speeds[1][kind] for kind, speed in speeds[5].items())


AIMS = (
    Aim('R50, M = 5, bf16, batch 32', 1500, 'persons/s', _persons_per_second, at_least=True),
    Aim(
        'one crop for all RoIs, frames/s with M = 5 relative to M = 1',
        0.95,
        '',
        _smallest_ratio,
        at_least=True,
    ),
    Aim(
        'peak memory of training, R50, M = 9, batch 48, checkpointing',
        24 * 1024,
        'MiB',
        lambda figures: max(row['peak_mib'] for row in figures['memory-with_cp']['rows']),
    ),
    Aim(
        'share of waiting for data, 8 workers',
        0.05,
        '',
        lambda figures: max(row['waiting'] for row in figures['training']['rows']),
    ),
    Aim(
        'losses with a launcher and without, relative difference',
        1e-3,
        '',
        lambda figures: max(row['largest_relative_difference'] for row in figures['launcher']['rows']),
    ),
    Aim('cameras of GPU and CPU in fp32, difference', 1e-4, '', _camera_difference),
)


def check_aims(figures: Figures) -> list[dict[str, Any]]:
    """Compare figures with the aims.

    Args:
        figures: By name of the step.

    Returns:
        A row for each aim.
    """
    rows = []
    for aim in AIMS:
        relation = 'at least' if aim.at_least else 'below'
        try:
            value = aim.measure(figures)
            met = value >= aim.limit if aim.at_least else value < aim.limit
            found, answer = f'{value:.5g} {aim.unit}'.strip(), 'yes' if met else 'no'
        except (KeyError, ValueError, TypeError):  # no step, no row, or memory that is unknown
            found, answer = _NOT_MEASURED, '–'
        limit = f'{relation} {aim.limit:g} {aim.unit}'.strip()
        rows.append(dict(what=aim.text, aim=limit, measured=found, met=answer))
    return rows


def table_of_rois(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Arrange frames per second as the paper's Table 4: a column for each number of RoIs, and the baselines.

    Args:
        rows: Of ``benchmark_inference.py``, of one config.

    Returns:
        A row for each batch size, precision and mode; cells with the ratio to M = 1 in parentheses.
    """
    own = {row['network'] for row in rows} - {'CLIFF', 'HMR'}

    def column(row: Mapping[str, Any]) -> str:
        return f'M = {row["rois"]}' if row['network'] in own else str(row['network'])

    numbers = sorted({row['rois'] for row in rows if row['network'] in own})
    others = [name for name in ('CLIFF', 'HMR') if any(row['network'] == name for row in rows)]
    columns = [*(f'M = {number}' for number in numbers), *others]
    speeds: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in rows:
        kind = row['batch'], row['precision'], row['mode']
        speeds.setdefault(kind, {}).setdefault(column(row), row['frames_per_second'])
    table = []
    for (batch, precision, mode), speed in speeds.items():
        base = speed.get('M = 1')
        cells = {
            name: '–'
            if name not in speed
            else f'{speed[name]:.4g}' + (f' ({speed[name] / base:.2f})' if base else '')
            for name in columns
        }
        table.append(dict(batch=batch, precision=precision, mode=mode, **cells))
    return table


def _tables(name: str, figures: Any) -> list[dict[str, Any]]:
    if name == 'operations':
        return [
            {'M': row['rois'], **{part: value / 1e9 for part, value in row['flops'].items()}}
            for row in figures['rows']
        ]
    if name.startswith(('training', 'memory')):
        size = figures['batch_size']
        return [dict(row, ms_per_step=1e3 * size / row['samples_per_second']) for row in figures['rows']]
    return list(figures['rows'])


def write_summary(
    figures: Figures, failures: Mapping[str, str], commands: Mapping[str, Sequence[str]], with_aims: bool
) -> str:
    """Write the summary.

    Args:
        figures: By name of the step, of those that are done.
        failures: Reasons by name of the steps that failed.
        commands: Of each step.
        with_aims: Add the table of aims; the figures of ``--quick`` mean nothing for them.

    Returns:
        Markdown.
    """
    parts = ['# On a GPU', '`mmroi benchmark-gpu`']
    machines = [found['machine'] for found in figures.values() if 'machine' in found]
    if machines:
        parts.append(', '.join(f'{key}: {value}' for key, value in machines[0].items()))
    if with_aims:
        parts += ['## Aims', format_table(check_aims(figures))]
    inference = [
        row
        for name, found in figures.items()
        if name.startswith(('inference', 'compiled'))
        for row in found['rows']
    ]
    if inference:
        parts += ['## Frames per second (ratio to M = 1)', format_table(table_of_rois(inference))]
    for name, found in figures.items():
        if not name.startswith(('inference', 'compiled')):
            lines = '\n'.join(commands[name])
            parts += [f'## {name}', f'```\n{lines}\n```', format_table(_tables(name, found))]
    if failures:
        parts += ['## Failed', '\n'.join(f'* {name}: {reason}' for name, reason in failures.items())]
    return '\n\n'.join(parts) + '\n'
