"""The table of a suite as Markdown and CSV."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from mmroi.benchmark.results import COST_NAMES, METRIC_NAMES, Summary
from mmroi.benchmark.suites import Suite

HEADINGS = {
    'MPJPE': 'MPJPE mm',
    'PA-MPJPE': 'PA-MPJPE mm',
    'PVE': 'PVE mm',
    **{name: f'{name} %' for name in ('PCK', 'AUC', 'PA-PCK', 'PA-AUC')},
    'camera_translation': 'camera error mm',
    'depth': 'depth error %',
    'camera_spread': 'camera spread mm',
    'parameters': 'parameters M',
    'minutes': 'training min',
    'people': 'people seen',
    'L_2D': 'L_2D 1e-3',
    'fps': 'frames/s',
}
PAPER_NAMES = ('MPJPE', 'PA-MPJPE', 'PVE')
LEGEND = (
    'Camera error: of the pelvis in the camera frame. Camera spread: how far the full cameras of the RoIs of '
    'a person lie from their mean (root mean square); networks that see one RoI are run on each of five '
    'alone. Parameters: those that predict. People seen: in training, the same for all rows, in the same '
    'order for the same seed. ± is the sample standard deviation over the seeds. The last epoch is tested.'
)
# Of the columns that only some suites have.
LEGENDS = {
    'L_2D': 'L_2D: the 2D loss without its weight, mean over the last epoch of training.',
    'fps': 'Frames/s: people per second, one at a time, from crops in memory to the posed body; those of the '
    'paper are of an RTX 3090.',
}
NOT_COMPARABLE = (
    '**Synthetic people and the open body, small networks: these are not results on 3DPW.** The columns of '
    'the paper are there to compare the order of the rows, not their numbers.'
)


def write_report(
    suite: Suite,
    profile: Config,
    summaries: Sequence[Summary],
    baseline: Mapping[str, float],
    pictures: Sequence[Path],
    command: str,
    folder: Path,
) -> str:
    """Write ``report.md`` and ``table.csv``.

    Args:
        suite: The suite.
        profile: The profile.
        summaries: Its rows.
        baseline: Errors of the mean pose; empty where no run is done.
        pictures: Plots, to be linked.
        command: The command that makes the table.
        folder: Where to write.

    Returns:
        The Markdown.
    """
    measured = [one for summary in summaries for one in summary.measured]
    lines = [f'# {suite.title}: {profile.title}', '', f'`{command}`', '']
    if 'photos' in profile:
        lines += [NOT_COMPARABLE, '']
    lines += [*_markdown_table(suite, summaries, baseline), '']
    legend = ' '.join([LEGEND, *(LEGENDS[name] for name in suite.columns)])
    lines += [f'The paper: {suite.paper_data}. {suite.note}'.strip(), '', legend]
    lines += ['', _provenance(profile, measured)] if measured else ['', 'No run is complete yet.']
    failures = [(s.row.label, words) for s in summaries for words in s.failures]
    if failures:
        lines += ['', '## Failed', '', *(f'* {label}: {words}' for label, words in failures)]
    lines += [line for path in pictures for line in ('', f'![{path.stem}]({path.name})')]
    text = '\n'.join(lines) + '\n'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'report.md').write_text(text, encoding='utf-8')
    _write_csv(suite, summaries, folder / 'table.csv')
    return text


def format_number(name: str, mean: float | None, deviation: float | None = None) -> str:
    """A number as the table shows it.

    Args:
        name: Its name.
        mean: Its mean; None where there is none.
        deviation: Its deviation; None where there is none.

    Returns:
        Such as ``80.8 ± 0.4``.
    """
    if mean is None:
        return '–'
    if name == 'people':
        return f'{mean:,.0f}'
    digits = 2 if name in ('parameters', 'L_2D') else 1
    spread = '' if deviation is None or name in COST_NAMES else f' ± {deviation:.{digits}f}'
    return f'{mean:.{digits}f}{spread}'


def _markdown_table(suite: Suite, summaries: Sequence[Summary], baseline: Mapping[str, float]) -> list[str]:
    names = [
        name
        for name in (*METRIC_NAMES, *COST_NAMES, *suite.columns)
        if any(summary.mean(name) is not None for summary in summaries)
    ]
    paper = [
        name
        for name in (*PAPER_NAMES, *suite.columns)
        if any(name in summary.row.paper for summary in summaries)
    ]
    headings = ['', *(HEADINGS[name] for name in names), 'seeds', *(f'paper: {name}' for name in paper)]
    rows = []
    if baseline:
        numbers = [format_number(name, baseline.get(name)) for name in names]
        rows.append(['mean pose', *numbers, '', *[''] * len(paper)])
    for summary in summaries:
        rows.append(
            [
                summary.row.label,
                *(format_number(name, summary.mean(name), summary.deviation(name)) for name in names),
                _state(summary),
                *(str(summary.row.paper.get(name, '–')) for name in paper),
            ]
        )
    lines = [headings, ['---', *['---:'] * (len(headings) - 1)], *rows]
    return ['| ' + ' | '.join(line) + ' |' for line in lines]


def _state(summary: Summary) -> str:
    """Which seeds are in a row, and what became of the others."""
    if summary.row.config is None:
        return 'quoted'
    parts = [', '.join(str(one.run.seed) for one in summary.measured)] if summary.measured else []
    parts += [f'{len(summary.failures)} failed'] if summary.failures else []
    parts += [f'{summary.missing} to run'] if summary.missing else []
    return '; '.join(parts)


def _provenance(profile: Config, measured: Sequence) -> str:
    """Data, dates, hardware and code, in one paragraph."""

    def all_of(key: str) -> str:
        return ', '.join(sorted({one.record[key] for one in measured if key in one.record}))

    dates = sorted(one.record['date'][:10] for one in measured)
    days = dates[0] if dates[0] == dates[-1] else f'{dates[0]} to {dates[-1]}'
    photos = profile.get('photos')
    trained = (
        ''
        if photos is None
        else (
            f' Photographs: preset {photos.preset}, {photos.num_train} for training and {photos.num_val} for the '
            f'test, {photos.image_size} pixels, seed {photos.seed}.'
        )
    )
    speed = f' Frames/s on {on}.' if (on := all_of('speed_device')) else ''
    return (
        f'Tested on {measured[0].people} people.{trained} Measured {days} on {all_of("device")}; '
        f'{all_of("code")}.{speed}'
    )


def _write_csv(suite: Suite, summaries: Sequence[Summary], path: Path) -> None:
    """One line per row and seed, so that anything can be computed from it."""
    of_paper = (*PAPER_NAMES, *suite.columns)
    paper = [f'paper {name}' for name in of_paper]
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        names = (*METRIC_NAMES, *COST_NAMES, *suite.columns)
        writer.writerow(['row', 'seed', *names, *paper])
        for summary in summaries:
            quoted = [summary.row.paper.get(name, '') for name in of_paper]
            for one in summary.measured:
                values = [one.numbers.get(name, '') for name in names]
                writer.writerow([summary.row.name, one.run.seed, *values, *quoted])
            for what in ('mean', 'deviation') if summary.measured else ():
                values = [getattr(summary, what)(name) for name in names]
                writer.writerow([summary.row.name, what, *('' if v is None else v for v in values), *quoted])
            if not summary.measured:
                writer.writerow([summary.row.name, _state(summary), *[''] * len(names), *quoted])
