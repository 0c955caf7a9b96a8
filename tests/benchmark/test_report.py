"""The report of a suite: its table, and the same as CSV."""

import csv

import pytest

from mmroi.benchmark import profiles, report, suites
from mmroi.benchmark.comparison import Comparisons


def test_means_errors_and_the_table(summaries, tmp_path):
    # (16 + 1 + 25) / 2 = 21
    assert summaries[0].mean('MPJPE') == pytest.approx(104.0)
    assert summaries[0].standard_error('MPJPE') == pytest.approx(7**0.5)
    assert summaries[1].standard_error('MPJPE') is None and summaries[1].mean('PVE') is None
    suite = suites.Suite('s', 'My table', tuple(s.row for s in summaries), 'elsewhere', 'Mind this.')
    text = report.write_report(
        suite,
        profiles.load_profile('quick'),
        summaries,
        Comparisons(),
        {'MPJPE': 200.0},
        [],
        'python x',
        tmp_path,
    )
    assert text == (tmp_path / 'report.md').read_text(encoding='utf-8')
    lines = [line.strip('|').split('|') for line in text.splitlines() if '|' in line]
    lines = [[cell.strip() for cell in line] for line in lines]
    assert lines[0] == [
        '',
        'MPJPE mm',
        'camera error mm',
        'camera spread mm',
        'parameters M',
        'people seen',
        'seeds',
        'paper: MPJPE',
        'paper: PA-MPJPE',
    ]
    assert lines[2:] == [
        ['mean pose', '200.0', '–', '–', '–', '–', '', '', ''],
        ['first', '104.0 ± 2.6', '301.0 ± 0.6', '10.0 ± 0.0', '4.57', '640', '0 to 2', '80.8', '52 to 54'],
        ['second', '120.0', '5.0', '–', '–', '640', '0; 1 failed; 1 to run', '–', '–'],
        ['third', '–', '–', '–', '–', '–', 'quoted', '70.0', '–'],
    ]
    assert text.startswith('# My table: synthetic images, quick profile\n')
    failed = '* second: train.py: error: no'
    for words in ('not results on 3DPW', 'Mind this.', failed, '2026-01-02', 'commit abc'):
        assert words in text
    rows = list(csv.DictReader((tmp_path / 'table.csv').open(encoding='utf-8')))
    assert [(row['row'], row['seed'], row['MPJPE']) for row in rows[:4]] == [
        ('a', '0', '100.0'),
        ('a', '1', '103.0'),
        ('a', '2', '109.0'),
        ('a', 'mean', '104.0'),
    ]
    assert float(rows[4]['MPJPE']) == pytest.approx(7**0.5) and rows[4]['paper MPJPE'] == '80.8'
    assert (rows[-1]['row'], rows[-1]['seed'], rows[-1]['paper MPJPE']) == ('c', 'quoted', '70.0')


def test_columns_of_a_suite_beside_those_of_the_paper(summaries, tmp_path):
    for one, (loss, fps) in zip(summaries[0].measured, ((2.0, 50.0), (4.0, None), (3.0, None)), strict=True):
        one.numbers.update(L_2D=loss, **({'fps': fps} if fps else {}))
    summaries[0].row.paper.update(L_2D=1.6, fps=76.3)
    rows = tuple(summary.row for summary in summaries)
    plain, more = (
        suites.Suite('s', 'My table', rows, 'elsewhere', columns=columns) for columns in ((), ('L_2D', 'fps'))
    )
    real = profiles.load_profile('real')
    text = report.write_report(plain, real, summaries, Comparisons(), {}, [], '', tmp_path)
    assert 'L_2D' not in text + (tmp_path / 'table.csv').read_text()
    text = report.write_report(more, real, summaries, Comparisons(), {'MPJPE': 200.0}, [], '', tmp_path)
    assert 'RTX 3090' in text and 'the 2D loss without its weight' in text
    lines = [line.strip('|').split('|') for line in text.splitlines() if '|' in line]
    lines = [[cell.strip() for cell in line] for line in lines]
    names = ['L_2D 1e-3', 'frames/s', 'paper: L_2D', 'paper: fps']
    columns = [lines[0].index(name) for name in names]
    assert [[line[i] for i in columns] for line in lines[2:]] == [
        ['–', '–', '', ''],
        ['3.00 ± 0.58', '50.0', '1.6', '76.3'],
        ['–'] * 4,
        ['–'] * 4,
    ]
    first, second, *_ = csv.DictReader((tmp_path / 'table.csv').open(encoding='utf-8'))
    names = ('L_2D', 'fps', 'paper L_2D', 'paper fps')
    assert [first[name] for name in names] == ['2.0', '50.0', '1.6', '76.3']
    assert second['L_2D'] == '4.0' and second['fps'] == ''


def test_real_data_are_not_called_synthetic(summaries, tmp_path):
    suite = suites.Suite('s', 'My table', (), 'elsewhere')
    text = report.write_report(
        suite, profiles.load_profile('real'), summaries, Comparisons(), {}, [], '', tmp_path
    )
    assert text.startswith('# My table: real images\n') and 'ynthetic' not in text


def test_trainings_that_end_worse_than_the_mean_pose_are_named(summaries, tmp_path):
    suite = suites.Suite('s', 'My table', tuple(s.row for s in summaries), 'elsewhere')
    quick = profiles.load_profile('quick')
    said = {}
    for error, camera in ((200.0, 301.0), (102.0, 1e4), (99.0, 1e4)):
        baseline = {'MPJPE': error, 'camera_translation': camera}
        text = report.write_report(suite, quick, summaries, Comparisons(), baseline, [], 'python x', tmp_path)
        said[error] = [line for line in text.splitlines() if 'worse than the mean pose' in line]
    assert said == {
        200.0: [
            '* camera error: **first** is worse than the mean pose with 1 of 3 seeds (2). '
            'The others: 300.5 ± 0.5 mm.'
        ],
        102.0: [
            '* MPJPE: **first** is worse than the mean pose with 2 of 3 seeds (1, 2). The others: 100.0 mm.',
            '* MPJPE: **second** is worse than the mean pose with 1 of 1 seeds (0).',
        ],
        99.0: [
            '* MPJPE: **first** is worse than the mean pose with 3 of 3 seeds (0 to 2).',
            '* MPJPE: **second** is worse than the mean pose with 1 of 1 seeds (0).',
        ],
    }
