"""Compares the rows of a suite person by person and seed by seed, in tables and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmroi.benchmark.columns import METRICS, markdown_table
from mmroi.benchmark.results import PAIRED, Summary
from mmroi.benchmark.suites import Suite
from mmroi.evaluation.paired_bootstrap import Difference, paired_difference

LEGEND = (
    'Differences are means over the same people and seeds; in brackets, 95 % intervals of a bootstrap over '
    'both. A difference is **clear** (bold) where the interval excludes 0; negative errors are better.'
)
EVERYONE = slice(None)


@dataclass(frozen=True)
class Comparison:
    """How one row, or a group of rows, differs from another.

    Attributes:
        label: What is compared.
        reference: What it is compared with.
        differences: By metric.
        condition: Name of the condition of the test; None without conditions.
    """

    label: str
    reference: str
    differences: Mapping[str, Difference]
    condition: str | None = None

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return next(iter(self.differences.values())).seeds


@dataclass(frozen=True)
class Comparisons:
    """What a suite compares.

    Attributes:
        rows: Each row with the reference.
        groups: Groups of rows with others.
    """

    rows: Sequence[Comparison] = ()
    groups: Sequence[Comparison] = ()

    @property
    def all(self) -> list[Comparison]:
        """Groups, then rows."""
        return [*self.groups, *self.rows]


def compare(suite: Suite, summaries: Sequence[Summary]) -> Comparisons:
    """Compare all that a suite compares; half a minute for ten seeds of many rows.

    Args:
        suite: The suite.
        summaries: Its rows.
    """
    return Comparisons(compare_rows(suite, summaries), compare_groups(suite, summaries))


def compare_rows(
    suite: Suite, summaries: Sequence[Summary], people: np.ndarray | slice = EVERYONE
) -> list[Comparison]:
    """Compare each row with the reference of the suite, under the same condition.

    Args:
        suite: The suite.
        summaries: Its rows.
        people: Mask (N,) of the people who count.

    Returns:
        One comparison per row that shares a seed with its reference.
    """
    by_name = {summary.row.name: summary for summary in summaries}
    found = []
    for summary in summaries:
        other = by_name.get(suite.reference_of(summary.row) or '')
        if other is not None and other is not summary:
            condition = summary.row.condition.name if summary.row.condition else None
            found += _compare(summary.row.label, other.row.label, [summary], [other], people, condition)
    return found


def compare_groups(suite: Suite, summaries: Sequence[Summary]) -> list[Comparison]:
    """Compare the groups of rows that the suite contrasts, under each condition.

    Args:
        suite: The suite.
        summaries: Its rows.

    Returns:
        One comparison per contrast whose rows share a seed.
    """
    by_name = {summary.row.name: summary for summary in summaries}
    found = []
    for condition in suite.conditions or (None,):
        suffix, addition = (f' @ {condition.name}', f', {condition.label}') if condition else ('', '')
        for contrast in suite.contrasts:
            having, lacking = (
                [by_name[name + suffix] for name in names] for names in (contrast.rows, contrast.without)
            )
            one = len(contrast.rows) == 1
            other = lacking[0].row.label if one else f'without it, mean of {len(contrast.rows)} pairs'
            name = condition.name if condition else None
            found += _compare(f'{contrast.label}{addition}', other, having, lacking, condition=name)
    return found


def _compare(
    label: str,
    reference: str,
    group: Sequence[Summary],
    others: Sequence[Summary],
    people: np.ndarray | slice = EVERYONE,
    condition: str | None = None,
) -> list[Comparison]:
    runs = [{one.run.seed: one.errors for one in summary.measured} for summary in (*group, *others)]
    seeds = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    if not seeds:
        return []

    def errors(name: str, of: Sequence[Mapping[int, Mapping[str, np.ndarray]]]) -> list[np.ndarray]:
        return [np.mean([run[seed][name][people] for run in of], axis=0) for seed in seeds]

    parts = runs[: len(group)], runs[len(group) :]
    known = [name for name in PAIRED if all(name in run[seed] for run in runs for seed in seeds)]
    differences = {name: paired_difference(errors(name, parts[0]), errors(name, parts[1])) for name in known}
    return [Comparison(label, reference, differences, condition)]


def difference_table(comparisons: Sequence[Comparison], heading: str) -> list[str]:
    """Format comparisons as the lines of a Markdown table.

    Args:
        comparisons: At least one.
        heading: Of the first column.
    """
    names = [name for name in PAIRED if any(name in one.differences for one in comparisons)]
    rows = [[heading, *(f'Δ {METRICS[name].title}' for name in names), 'seeds']]
    for one in comparisons:
        cells = [format_difference(one.differences.get(name)) for name in names]
        rows.append([one.label, *cells, str(one.seeds)])
    return markdown_table(rows)


def format_difference(difference: Difference | None) -> str:
    """Format a difference and its interval, bold where the interval excludes 0."""
    if difference is None:
        return '–'
    if not np.isfinite(difference.low):
        return f'{difference.mean:+.1f}'
    text = f'{difference.mean:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]'
    return f'**{text}**' if difference.is_clear else text


def sentences(
    comparisons: Sequence[Comparison], names: Sequence[str] = ('MPJPE', 'camera_translation')
) -> list[str]:
    """Say in words which rows are better or worse, and which cannot be told apart.

    Args:
        comparisons: Comparisons.
        names: The metrics to speak of.

    Returns:
        Markdown list items: one per clear difference, and one for the others of each metric.
    """
    lines = []
    for name in names:
        heading, unit = METRICS[name].title.rsplit(' ', 1)
        unclear = []
        for one in comparisons:
            difference = one.differences.get(name)
            if difference is None:
                continue
            if not difference.is_clear:
                unclear.append(f'{one.label} ({format_difference(difference)})')
                continue
            low, high = sorted((abs(difference.low), abs(difference.high)))
            verdict = 'better' if difference.mean < 0 else 'worse'
            lines.append(
                f'* {heading}: **{one.label}** is {verdict} than {one.reference} by '
                f'{abs(difference.mean):.1f} {unit} ({low:.1f} to {high:.1f}).'
            )
        if unclear:
            lines.append(f'* {heading}: no clear difference: {"; ".join(unclear)}.')
    return lines


def matrix(cells: Mapping[tuple[str, str], str], heading: str) -> list[str]:
    """Format cells as the lines of a Markdown table.

    Args:
        cells: Texts by label of the row and of the column, both in the order in which they first appear.
        heading: Of the first column.
    """
    rows, columns = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    lines = [[row, *(cells.get((row, column), '–') for column in columns)] for row in rows]
    return markdown_table([[heading, *columns], *lines])
