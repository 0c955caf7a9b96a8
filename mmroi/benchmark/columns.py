"""The columns of a suite's table: metrics, costs, and what only some suites measure."""

from collections.abc import Sequence
from typing import NamedTuple

from mmroi.evaluation import MESH_METRICS


class Column(NamedTuple):
    """One column.

    Attributes:
        title: Heading, with the unit.
        digits: Decimal places.
        has_error: Whether to print the standard error over the seeds.
        legend: A sentence for the reader of the table.
    """

    title: str
    digits: int = 1
    has_error: bool = True
    legend: str = ''


_LEGENDS = {
    'camera_translation': 'Camera error: of the pelvis in the camera frame.',
    'camera_spread': (
        "Camera spread: root mean square distance of the full cameras of a person's RoIs from their mean; "
        'networks with one RoI are run on each of five RoIs separately.'
    ),
}
METRICS = {
    name: Column(metric.title, legend=_LEGENDS.get(name, ''))
    for name, metric in MESH_METRICS.items()
    if name != 'orientation'
}
COSTS = {
    'parameters': Column(
        'parameters M', digits=2, has_error=False, legend='Parameters: of the network that predicts.'
    ),
    'minutes': Column('training min', has_error=False),
    'people': Column(
        'people seen',
        digits=0,
        has_error=False,
        legend='People seen: in training, the same for all rows, in the same order for the same seed.',
    ),
}
EXTRA_COLUMNS = {
    'L_2D': Column(
        'L_2D 1e-3',
        digits=2,
        legend='L_2D: the 2D loss without its weight, mean over the last epoch of training.',
    ),
    'fps': Column(
        'frames/s',
        legend='Frames/s: people per second, one at a time, from crops in memory to the posed body; the '
        'paper used an RTX 3090.',
    ),
    'ms': Column(
        'ms / person',
        digits=2,
        legend='Time: of one person, from crops in memory to the posed body, on this machine.',
    ),
}
COLUMNS = {**METRICS, **COSTS, **EXTRA_COLUMNS}
SEEDS = 'seeds'
PAPER_METRICS = ('MPJPE', 'PA-MPJPE', 'PVE')


def format_number(name: str, mean: float | None, error: float | None = None) -> str:
    """Format a number as the table shows it.

    Args:
        name: Name of the column.
        mean: Mean over the seeds; None if there is none.
        error: Standard error over the seeds; None if there is none.

    Returns:
        Such as ``80.8 ± 0.4``.
    """
    if mean is None:
        return '–'
    column = COLUMNS[name]
    spread = '' if error is None or not column.has_error else f' ± {error:.{column.digits}f}'
    return f'{mean:,.{column.digits}f}{spread}' if name == 'people' else f'{mean:.{column.digits}f}{spread}'


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Format cells as the lines of a Markdown table: the first column left, the others right.

    Args:
        rows: Headings, and one row of cells for each line.
    """
    headings, *others = rows
    lines = [headings, ['---', *['---:'] * (len(headings) - 1)], *others]
    return ['| ' + ' | '.join(cells) + ' |' for cells in lines]
