"""The report of a suite: its table as Markdown and CSV."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmroi.benchmark.columns import (
    COLUMNS,
    COSTS,
    METRICS,
    PAPER_METRICS,
    SEEDS,
    format_number,
    markdown_table,
)
from mmroi.benchmark.comparison import LEGEND as DIFFERENCES
from mmroi.benchmark.comparison import (
    Comparison,
    Comparisons,
    changes_in_words,
    compare_groups,
    compare_rows,
    difference_table,
    format_difference,
    matrix,
    sentences,
)
from mmroi.benchmark.profiles import synthetic_sets
from mmroi.benchmark.results import Measured, Summary
from mmroi.benchmark.suites import Condition, Suite
from mmroi.fileio.atomic import atomic_write

LEGEND = '± is the standard error of the mean over the seeds. The last epoch is tested.'
NO_IMAGES = ' Here it is not known which people share an image; people are drawn instead.'
FEW_SEEDS = ' With fewer than five seeds, intervals are too narrow.'
BY_CONDITION = ('MPJPE', 'PA-MPJPE', 'camera_translation', 'depth')
NOT_COMPARABLE = '**Synthetic people and the open body, small networks: these are not results on 3DPW.**'
ORDER_ONLY = "Compare the order of the rows with the paper's columns, not the numbers."


def write_report(
    suite: Suite,
    profile: Config,
    summaries: Sequence[Summary],
    compared: Comparisons,
    baseline: Mapping[str, float],
    images: Sequence[Path],
    command: str,
    folder: Path,
    people: Mapping[str, np.ndarray] | None = None,
    made_otherwise: Sequence[str] = (),
    lacking: Sequence[str] = (),
) -> str:
    """Write ``report.md`` and ``table.csv``.

    Args:
        suite: The suite.
        profile: The profile.
        summaries: Its rows.
        compared: Their comparisons.
        baseline: Metrics of the mean pose; empty if no run is done.
        images: Plots to link.
        command: The command that makes the table.
        folder: Folder to write to; created if missing.
        people: Masks (N,) of groups of people that are compared separately.
        made_otherwise: What is said of runs that do not have the current settings.
        lacking: What could not be made for the report, and why.

    Returns:
        The Markdown.
    """
    measured = [one for summary in summaries for one in summary.measured]
    lines = [f'# {suite.title}: {profile.title}', '', f'`{command}`', '']
    if 'synthetic' in profile:
        lines += [f'{NOT_COMPARABLE} {ORDER_ONLY}' if suite.paper_data else NOT_COMPARABLE, '']
    first = suite.conditions[0] if suite.conditions else None
    shown = [one for one in summaries if one.row.condition == first]
    names = _shown_columns(suite, shown)
    if in_short := [*(_in_words(first, compared) if compared.all else ()), *_useless(shown, baseline)]:
        lines += ['## In short', '', *in_short, '']
    if suite.hypotheses:
        lines += ['Expected before the first run:', '', *(f'* {one}' for one in suite.hypotheses), '']
    if first:
        lines += ['## By condition', '', *_condition_tables(suite, summaries, compared)]
    under = f', {first.label}' if first else ''
    if people:
        lines += [f'## Groups of people{under}', '']
    for name in ('MPJPE', 'camera_translation') if people else ():
        lines += _group_table(suite, shown, people or {}, name)
    if first:
        lines += [f'## All metrics{under}', '', '`table.csv` has those of the other conditions.', '']
    lines += [*_markdown_table(suite, shown, baseline, names), '']
    for found, reference in ((compared.groups, ''), (compared.rows, _reference(suite))):
        if found := [one for one in found if one.condition == first]:
            lines += [*difference_table(found, reference), '']
    if compared.all:
        fewest = min(one.seeds for one in compared.all)
        images_known = all(one.images is not None for one in measured)
        caveats = (FEW_SEEDS if fewest < 5 else '') + ('' if images_known else NO_IMAGES)
        lines += [DIFFERENCES + caveats, '']
    paper = f'The paper: {suite.paper_data}.' if suite.paper_data else ''
    if remarks := f'{paper} {suite.note}'.strip():
        lines += [remarks, '']
    lines += [' '.join([*(COLUMNS[name].legend for name in names if COLUMNS[name].legend), LEGEND])]
    lines += ['', _provenance(profile, measured)] if measured else ['', 'No run is complete yet.']
    if made_otherwise:
        lines += ['', '## Made with other settings', '', *(f'* {message}' for message in made_otherwise)]
    failures = [f'{s.row.title}: {message}' for s in summaries for message in s.failures]
    failures += [f'{what}: not compared, since not tested on the same people' for what in compared.impossible]
    if failures := [*failures, *lacking]:
        lines += ['', '## Failed', '', *(f'* {message}' for message in failures)]
    lines += [line for path in images for line in ('', f'![{path.stem}]({path.name})')]
    text = '\n'.join(lines) + '\n'
    with atomic_write(folder / 'report.md') as path:
        path.write_text(text, encoding='utf-8')
    _write_csv(suite, summaries, folder / 'table.csv')
    return text


def _in_words(first: Condition | None, compared: Comparisons) -> list[str]:
    """Say what is clear: with numbers under the first condition, and how it changes with the others."""
    parts = compared.groups, compared.rows
    lines = [line for part in parts for line in sentences([one for one in part if one.condition == first])]
    if first is None:
        return lines
    if lines:
        lines = [f'With the first condition, {first.label}:', '', *lines, '']
    changes = [line for part in (*parts, compared.changes) for line in changes_in_words(part)]
    return [*lines, 'Under all conditions, where clear is what has an interval without 0:', '', *changes]


def _useless(summaries: Sequence[Summary], baseline: Mapping[str, float]) -> list[str]:
    """Name trainings that end worse than the mean pose, which a mean over the seeds would hide."""
    lines = []
    for name in ('MPJPE', 'camera_translation'):
        if name not in baseline:
            continue
        heading, unit = COLUMNS[name].title.rsplit(' ', 1)
        for one in summaries:
            found = [run for run in one.measured if run.numbers.get(name, 0) > baseline[name]]
            kept = tuple(run for run in one.measured if run.numbers.get(name, 0) <= baseline[name])
            others = replace(one, measured=kept)
            mean = format_number(name, others.mean(name), others.standard_error(name))
            rest = f' The others: {mean} {unit}.' if kept else ''
            if found:
                lines.append(
                    f'* {heading}: **{one.row.label}** is worse than the mean pose with {len(found)} of '
                    f'{len(one.measured)} seeds ({_ranges([run.run.seed for run in found])}).{rest}'
                )
    return lines


def _condition_tables(suite: Suite, summaries: Sequence[Summary], compared: Comparisons) -> list[str]:
    """Tables of rows by conditions: errors, and differences from the reference and in contrasts."""
    done = [one for one in summaries if one.measured and one.row.condition]
    lines = []
    for name in BY_CONDITION:
        title = COLUMNS[name].title
        means = {
            _place(one.row.label, one.row.condition): format_number(
                name, one.mean(name), one.standard_error(name)
            )
            for one in done
            if one.mean(name) is not None
        }
        lines += [*matrix(means, title), ''] if means else []
        minus = _by_condition(compared.rows, name)
        lines += [*matrix(minus, f'Δ {title}, minus {_reference(suite)}'), ''] if minus else []
    for contrast in dict.fromkeys(one.title for one in compared.groups):
        cells: dict[tuple[str, str], str] = {}
        found = [one for one in compared.groups if one.title == contrast]
        for name in BY_CONDITION:
            cells |= _by_condition(found, name, f'Δ {COLUMNS[name].title}')
        lines += [*matrix(cells, contrast), '']
    for name in BY_CONDITION:
        cells = _by_condition(compared.changes, name)
        heading = f'Δ {COLUMNS[name].title}, change from {suite.conditions[0].label}'
        lines += [*matrix(cells, heading), ''] if cells else []
    planned, left = Counter[str](), Counter[str]()
    for one in summaries:
        planned[one.row.label] += one.missing + len(one.measured) + len(one.failures)
        left[one.row.label] += one.missing
    todo = [f'{label} ({left[label]} of {planned[label]})' for label in planned if left[label]]
    return [*lines, *(['Tests that are still to be run: ' + '; '.join(todo) + '.', ''] if todo else [])]


def _by_condition(
    comparisons: Sequence[Comparison], name: str, label: str | None = None
) -> dict[tuple[str, str], str]:
    return {
        _place(label or one.label, one.condition): format_difference(one.differences[name])
        for one in comparisons
        if name in one.differences
    }


def _place(label: str, condition: Condition | None) -> tuple[str, str]:
    return label, condition.label if condition else ''


def _group_table(
    suite: Suite, summaries: Sequence[Summary], people: Mapping[str, np.ndarray], name: str
) -> list[str]:
    """Errors in each group of people, and their differences from the reference and in contrasts."""
    title, reference = COLUMNS[name].title, _reference(suite)
    means: dict[tuple[str, str], str] = {}
    differences: dict[tuple[str, str], str] = {}
    for group, mask in people.items():
        label = f'{group} ({int(mask.sum())} people)'
        for summary in summaries:
            if (found := summary.of_people(name, mask)) is not None:
                means[label, summary.row.label] = format_number(name, *found)
        compared = [(one.label, one) for one in compare_rows(suite, summaries, mask)]
        compared += [(one.title, one) for one in compare_groups(suite, summaries, mask)]
        for heading, one in compared:
            if name in one.differences:
                differences[label, heading] = format_difference(one.differences[name])
    lines = [*matrix(means, title), ''] if means else []
    minus = f', minus {reference} where nothing else is said' if reference else ''
    return [*lines, *([*matrix(differences, f'Δ {title}{minus}'), ''] if differences else [])]


def _reference(suite: Suite) -> str:
    """Return the label of the row that the others are compared with."""
    return next((row.label for row in suite.rows if row.name == suite.reference), '')


def _shown_columns(suite: Suite, summaries: Sequence[Summary]) -> list[str]:
    """Return the columns of the suite in which any row has a number."""
    return [
        name
        for name in (*METRICS, *COSTS, *suite.columns)
        if name not in suite.hidden_columns and any(summary.mean(name) is not None for summary in summaries)
    ]


def _markdown_table(
    suite: Suite, summaries: Sequence[Summary], baseline: Mapping[str, float], names: Sequence[str]
) -> list[str]:
    paper = [
        name
        for name in (*PAPER_METRICS, *suite.columns)
        if any(name in summary.row.paper for summary in summaries)
    ]
    has_seeds = SEEDS not in suite.hidden_columns

    def line(label: str, cells: Iterable[str], state: str, quoted: Iterable[str]) -> list[str]:
        return [label, *cells, *([state] if has_seeds else []), *quoted]

    headings = line('', (COLUMNS[name].title for name in names), SEEDS, (f'paper: {name}' for name in paper))
    rows = []
    if baseline:
        cells = [format_number(name, baseline.get(name)) for name in names]
        rows.append(line('mean pose', cells, '', [''] * len(paper)))
    for summary in summaries:
        cells = [format_number(name, summary.mean(name), summary.standard_error(name)) for name in names]
        error = summary.mean('MPJPE')
        if suite.relative_to_mean_pose and baseline and error is not None:
            cells[names.index('MPJPE')] += f' ({100 * (error / baseline["MPJPE"] - 1):+.0f} %)'
        quoted = (str(summary.row.paper.get(name, '–')) for name in paper)
        rows.append(line(summary.row.label, cells, _state(summary), quoted))
    return markdown_table([headings, *rows])


def _state(summary: Summary) -> str:
    """Say which seeds are in a row, and what happened to the others."""
    if summary.row.config is None:
        return 'quoted'
    parts = [_ranges([one.run.seed for one in summary.measured])] if summary.measured else []
    parts += [f'{len(summary.failures)} failed'] if summary.failures else []
    parts += [f'{summary.missing} to run'] if summary.missing else []
    return '; '.join(parts)


def _ranges(seeds: Sequence[int]) -> str:
    """Write seeds briefly: ``0 to 9``, or ``0, 2``."""
    seeds = sorted(seeds)
    if len(seeds) > 2 and seeds == [*range(seeds[0], seeds[-1] + 1)]:
        return f'{seeds[0]} to {seeds[-1]}'
    return ', '.join(map(str, seeds))


def _provenance(profile: Config, measured: Sequence[Measured]) -> str:
    """Return data, dates, hardware, and code in one paragraph."""

    def all_of(key: str) -> str:
        return '; '.join(sorted({one.record[key] for one in measured if key in one.record}))

    dates = sorted(one.record['date'][:10] for one in measured)
    days = dates[0] if dates[0] == dates[-1] else f'{dates[0]} to {dates[-1]}'
    images = ''
    if made := synthetic_sets(profile):
        parts = [
            f'{one.num_train} for training and {one.num_val} for the test of preset {one.preset} '
            f'({one.image_size} pixels, seed {one.seed})'
            for one in made
        ]
        images = f' Images: {"; ".join(parts)}.'
    speed = f' Speed on {on}.' if (on := all_of('speed_device')) else ''
    return (
        f'Tested on {measured[0].people} people.{images} Measured {days} on {all_of("device")}; '
        f'{all_of("code")}.{speed}'
    )


def _write_csv(suite: Suite, summaries: Sequence[Summary], path: Path) -> None:
    """Write one line per row and seed, so that anything can be computed from the file."""
    of_paper = (*PAPER_METRICS, *suite.columns)
    paper = [f'paper {name}' for name in of_paper]
    with atomic_write(path) as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        names = (*METRICS, *COSTS, *suite.columns)
        writer.writerow(['row', 'seed', *names, *paper])
        for summary in summaries:
            quoted = [summary.row.paper.get(name, '') for name in of_paper]
            for one in summary.measured:
                values = [one.numbers.get(name, '') for name in names]
                writer.writerow([summary.row.full_name, one.run.seed, *values, *quoted])
            for what in ('mean', 'standard_error') if summary.measured else ():
                values = [getattr(summary, what)(name) for name in names]
                writer.writerow(
                    [summary.row.full_name, what, *('' if v is None else v for v in values), *quoted]
                )
            if not summary.measured:
                writer.writerow([summary.row.full_name, _state(summary), *[''] * len(names), *quoted])
