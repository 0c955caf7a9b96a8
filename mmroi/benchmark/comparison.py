"""Compares the rows of a suite person by person and seed by seed, in tables and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmroi.benchmark.columns import METRICS, markdown_table
from mmroi.benchmark.results import PAIRED, Summary
from mmroi.benchmark.suites import Condition, Suite
from mmroi.evaluation.paired_bootstrap import Difference, paired_difference

LEGEND = (
    'Differences are means over the same people and seeds; in brackets, 95 % intervals of a bootstrap over '
    'images and seeds. A difference is **clear** (bold) where the interval excludes 0; less than 0 is '
    'better. Of twenty differences that are none, about one is called clear.'
)
EVERYONE = slice(None)


@dataclass(frozen=True)
class Comparison:
    """How one row, or a group of rows, differs from another.

    Attributes:
        label: What is compared.
        reference: What it is compared with.
        differences: By metric.
        condition: Condition of the test; None without conditions.
        pairs: Number of pairs of rows.
    """

    label: str
    reference: str
    differences: Mapping[str, Difference]
    condition: Condition | None = None
    pairs: int = 1

    @property
    def title(self) -> str:
        """What is subtracted from what, without the condition."""
        return _title(self.label, self.reference, self.pairs)

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
        changes: Each of these differences under a condition with the same one under the first condition.
        impossible: What cannot be compared, since it was not tested on the same people.
    """

    rows: Sequence[Comparison] = ()
    groups: Sequence[Comparison] = ()
    changes: Sequence[Comparison] = ()
    impossible: Sequence[str] = ()

    @property
    def all(self) -> list[Comparison]:
        """Differences of errors: of groups, then of rows."""
        return [*self.groups, *self.rows]


def _title(label: str, reference: str, pairs: int) -> str:
    return label if pairs > 1 else f'{label} minus {reference}'


def compare(suite: Suite, summaries: Sequence[Summary]) -> Comparisons:
    """Compare all that a suite compares; half a minute for ten seeds of many rows.

    Args:
        suite: The suite.
        summaries: Its rows.
    """
    rows, groups = compare_rows(suite, summaries), compare_groups(suite, summaries)
    done = {(one.label, one.reference, one.condition) for one in (*rows, *groups)}
    impossible = [
        _title(pair.label, pair.reference, len(pair.having))
        for pair in (*_contrasts(suite, summaries), *_rows(suite, summaries))
        if pair.seeds and (pair.label, pair.reference, pair.condition) not in done
    ]
    changes = compare_changes(suite, summaries)
    return Comparisons(rows, groups, changes, [*dict.fromkeys(impossible)])


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
    return [one for pair in _rows(suite, summaries) for one in _compare(pair, people)]


def compare_groups(
    suite: Suite, summaries: Sequence[Summary], people: np.ndarray | slice = EVERYONE
) -> list[Comparison]:
    """Compare the groups of rows that the suite contrasts, under each condition.

    Args:
        suite: The suite.
        summaries: Its rows, under some or all conditions.
        people: Mask (N,) of the people who count.

    Returns:
        One comparison per contrast whose rows share a seed.
    """
    return [one for pair in _contrasts(suite, summaries) for one in _compare(pair, people)]


def compare_changes(suite: Suite, summaries: Sequence[Summary]) -> list[Comparison]:
    """Compare each difference under a condition with the same difference under the first condition.

    Args:
        suite: The suite.
        summaries: Its rows.

    Returns:
        One comparison per row or contrast and condition but the first: less than 0 where what is compared
        gains more, or loses less, than under the first condition.
    """
    if not suite.conditions:
        return []
    found, start = [], suite.conditions[0]
    for pairs in (_contrasts(suite, summaries), _rows(suite, summaries)):
        firsts = {(pair.label, pair.reference): pair for pair in pairs if pair.condition == start}
        for pair in pairs:
            first = firsts.get((pair.label, pair.reference))
            if first and pair.condition != start:
                # Twice the difference of these means is (having - lacking) - (having - lacking in the first).
                halves = [*pair.having, *first.lacking], [*pair.lacking, *first.having]
                title = _title(pair.label, pair.reference, len(pair.having))
                both = _Pair(title, f'the same with {start.label}', *halves, pair.condition)
                found += _compare(both, times=2)
    return found


class _Pair(NamedTuple):
    """Summaries that are compared, and what they are called."""

    label: str
    reference: str
    having: Sequence[Summary]
    lacking: Sequence[Summary]
    condition: Condition | None

    @property
    def seeds(self) -> list[int]:
        """The seeds that all have."""
        sides = (*self.having, *self.lacking)
        return sorted(set.intersection(*({one.run.seed for one in side.measured} for side in sides)))


def _by_place(summaries: Sequence[Summary]) -> dict[tuple[str | None, Condition | None], Summary]:
    return {(summary.row.name, summary.row.condition): summary for summary in summaries}


def _rows(suite: Suite, summaries: Sequence[Summary]) -> list[_Pair]:
    by_place = _by_place(summaries)
    others = [(one, by_place.get((suite.reference, one.row.condition))) for one in summaries]
    return [
        _Pair(one.row.label, other.row.label, [one], [other], one.row.condition)
        for one, other in others
        if other is not None and other is not one
    ]


def _contrasts(suite: Suite, summaries: Sequence[Summary]) -> list[_Pair]:
    by_place = _by_place(summaries)
    found = []
    for condition in dict.fromkeys(summary.row.condition for summary in summaries):
        for contrast in suite.contrasts:
            having, lacking = (
                [by_place[name, condition] for name in names] for names in (contrast.rows, contrast.without)
            )
            one = len(contrast.rows) == 1
            other = lacking[0].row.label if one else f'without it, mean of {len(contrast.rows)} pairs'
            found.append(_Pair(contrast.label, other, having, lacking, condition))
    return found


def _compare(pair: _Pair, people: np.ndarray | slice = EVERYONE, times: int = 1) -> list[Comparison]:
    """Compare ``times`` the mean errors of both sides.

    Returns:
        The comparison; nothing if they share no seed or no error, or were not tested on the same people.
    """
    sides = (*pair.having, *pair.lacking)
    runs = [{one.run.seed: one.errors for one in side.measured} for side in sides]
    seeds = pair.seeds
    sizes = {len(values) for run in runs for seed in seeds for values in run[seed].values()}
    if isinstance(people, np.ndarray):
        sizes.add(len(people))
    images = [one.images for side in sides for one in side.measured if one.run.seed in seeds]
    if not seeds or len(sizes) != 1 or not all(_same(one, images[0]) for one in images):
        return []
    compared_images = None if images[0] is None else images[0][people]

    def errors(name: str, of: Sequence[Mapping[int, Mapping[str, np.ndarray]]]) -> list[np.ndarray]:
        return [times * np.mean([run[seed][name][people] for run in of], axis=0) for seed in seeds]

    number = len(pair.having)
    differences = {}
    for name in PAIRED:
        if not all(name in run[seed] for run in runs for seed in seeds):
            continue
        having, lacking = errors(name, runs[:number]), errors(name, runs[number:])
        if np.isfinite([*having, *lacking]).all(axis=0).any():
            differences[name] = paired_difference(having, lacking, compared_images)
    if not differences:
        return []
    return [Comparison(pair.label, pair.reference, differences, pair.condition, number // times)]


def _same(images: np.ndarray | None, others: np.ndarray | None) -> bool:
    if images is None or others is None:
        return images is others
    return np.array_equal(images, others)


def difference_table(comparisons: Sequence[Comparison], reference: str = '') -> list[str]:
    """Format comparisons as the lines of a Markdown table.

    Args:
        comparisons: At least one.
        reference: What all are compared with; by default each line says it.
    """
    heading = f'minus {reference}' if reference else 'one minus the other'
    names = [name for name in PAIRED if any(name in one.differences for one in comparisons)]
    rows = [[heading, *(f'Δ {METRICS[name].title}' for name in names), 'seeds']]
    for one in comparisons:
        cells = [format_difference(one.differences.get(name)) for name in names]
        rows.append([one.label if reference else one.title, *cells, str(one.seeds)])
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
            verdict = _verdict(difference)
            if verdict == 'not clear':
                unclear.append(f'{one.label} against {one.reference} ({format_difference(difference)})')
                continue
            low, high = sorted((abs(difference.low), abs(difference.high)))
            lines.append(
                f'* {heading}: **{one.label}** is {verdict} than {one.reference} by '
                f'{abs(difference.mean):.1f} {unit} ({low:.1f} to {high:.1f}).'
            )
        if unclear:
            lines.append(f'* {heading}: no clear difference: {"; ".join(unclear)}.')
    return lines


def changes_in_words(
    comparisons: Sequence[Comparison], names: Sequence[str] = ('MPJPE', 'camera_translation')
) -> list[str]:
    """Say in words under which conditions a row is better or worse.

    Args:
        comparisons: The same ones under several conditions.
        names: The metrics to speak of.

    Returns:
        Markdown list items: for each metric, one per row.
    """
    lines = []
    for name in names:
        heading, unit = METRICS[name].title.rsplit(' ', 1)
        found: dict[tuple[str, str], list[tuple[str, Difference]]] = {}
        for one in comparisons:
            if one.condition and (difference := one.differences.get(name)):
                known = found.setdefault((one.label, one.reference), [])
                known.append((one.condition.label, difference))
        for (label, reference), under in found.items():
            parts = [_under_conditions(verdict, under, unit) for verdict in ('better', 'worse', 'not clear')]
            text = '; '.join(filter(None, parts))
            lines.append(f'* {heading}: **{label}** against {reference}: {text}.')
    return lines


def _under_conditions(verdict: str, under: Sequence[tuple[str, Difference]], unit: str) -> str:
    """Say under which conditions a verdict holds, and how large differences are there."""
    chosen = [(label, difference) for label, difference in under if _verdict(difference) == verdict]
    if not chosen:
        return ''
    where = ', '.join(label for label, _ in chosen)
    if len(chosen) == len(under) > 1:
        where = 'all conditions'
    if verdict == 'not clear':
        return f'{verdict} ({where})'
    sizes = [f'{size:.1f}' for size in sorted(abs(difference.mean) for _, difference in chosen)]
    amount = sizes[0] if sizes[0] == sizes[-1] else f'{sizes[0]} to {sizes[-1]}'
    return f'{verdict} by {amount} {unit} ({where})'


def _verdict(difference: Difference) -> str:
    if not difference.is_clear:
        return 'not clear'
    return 'better' if difference.mean < 0 else 'worse'


def matrix(cells: Mapping[tuple[str, str], str], heading: str) -> list[str]:
    """Format cells as the lines of a Markdown table.

    Args:
        cells: Texts by label of the row and of the column, both in the order in which they first appear.
        heading: Of the first column.
    """
    rows, columns = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    lines = [[row, *(cells.get((row, column), '–') for column in columns)] for row in rows]
    return markdown_table([[heading, *columns], *lines])
