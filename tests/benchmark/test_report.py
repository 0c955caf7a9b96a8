"""The report of a suite: its table, the same as CSV, and its pictures."""

import csv
import importlib
import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.evaluation import Table

ROOT = Path(__file__).parents[2]
plots, profiles, report, results, runs, suites = (
    importlib.import_module(f'mmroi.benchmark.{name}')
    for name in ('plots', 'profiles', 'report', 'results', 'runs', 'suites')
)


def measured(row, seed, folder, **numbers):
    run = runs.Run(row, seed, folder)
    joints = Table(('joint', 'MPJPE'), [('hip', numbers['MPJPE']), ('all', numbers['MPJPE'] + 2)])
    curve = {1: numbers['MPJPE'] + 20, 2: numbers['MPJPE']}
    record = dict(date='2026-01-02T03:04:05', device='2 cores', code='mmroi 1, commit abc')
    return results.Measured(run, dict(numbers, people=640), dict(per_joint=joints), curve, 9, record)


@pytest.fixture
def summaries(tmp_path):
    """Three seeds; one seed that failed and one to run; only quoted."""
    first = suites.Row('a', 'first', 'a.py', paper={'MPJPE': 80.8, 'PA-MPJPE': '52 to 54'})
    second, third = suites.Row('b', 'second', 'b.py'), suites.Row('c', 'third', paper={'MPJPE': 70.0})
    seeds = [
        measured(
            first,
            seed,
            tmp_path,
            MPJPE=value,
            camera_translation=300.0 + seed,
            camera_spread=10.0,
            parameters=4.567,
        )
        for seed, value in ((0, 100.0), (1, 103.0), (2, 109.0))
    ]
    return [
        results.Summary(first, tuple(seeds), (), 0),
        results.Summary(
            second,
            (measured(second, 0, tmp_path, MPJPE=120.0, camera_translation=5.0),),
            ('train.py: error: no',),
            1,
        ),
        results.Summary(third, (), (), 0),
    ]


def test_means_deviations_and_the_table(summaries, tmp_path):
    # (16 + 1 + 25) / 2 = 21
    assert summaries[0].mean('MPJPE') == pytest.approx(104.0)
    assert summaries[0].deviation('MPJPE') == pytest.approx(21**0.5)
    assert summaries[1].deviation('MPJPE') is None and summaries[1].mean('PVE') is None
    suite = suites.Suite('s', 'My table', tuple(s.row for s in summaries), 'elsewhere', 'Mind this.')
    text = report.write_report(
        suite, profiles.load_profile('quick'), summaries, {'MPJPE': 200.0}, [], 'python x', tmp_path
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
        ['first', '104.0 ± 4.6', '301.0 ± 1.0', '10.0 ± 0.0', '4.57', '640', '0, 1, 2', '80.8', '52 to 54'],
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
    assert float(rows[4]['MPJPE']) == pytest.approx(21**0.5) and rows[4]['paper MPJPE'] == '80.8'
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
    text = report.write_report(plain, real, summaries, {}, [], '', tmp_path)
    assert 'L_2D' not in text + (tmp_path / 'table.csv').read_text()
    text = report.write_report(more, real, summaries, {'MPJPE': 200.0}, [], '', tmp_path)
    assert 'RTX 3090' in text and 'the 2D loss without its weight' in text
    lines = [line.strip('|').split('|') for line in text.splitlines() if '|' in line]
    lines = [[cell.strip() for cell in line] for line in lines]
    names = ['L_2D 1e-3', 'frames/s', 'paper: L_2D', 'paper: fps']
    columns = [lines[0].index(name) for name in names]
    assert [[line[i] for i in columns] for line in lines[2:]] == [
        ['–', '–', '', ''],
        ['3.00 ± 1.00', '50.0', '1.6', '76.3'],
        ['–'] * 4,
        ['–'] * 4,
    ]
    first, second, *_ = csv.DictReader((tmp_path / 'table.csv').open(encoding='utf-8'))
    names = ('L_2D', 'fps', 'paper L_2D', 'paper fps')
    assert [first[name] for name in names] == ['2.0', '50.0', '1.6', '76.3']
    assert second['L_2D'] == '4.0' and second['fps'] == ''


@pytest.mark.parametrize('suite', ['table4', 'rois_beyond_5'])
def test_table_4_has_the_papers_losses_and_rates(suite):
    suite = suites.load_suite(suite)
    assert suite.columns == suite.select(['full']).columns == ('L_2D', 'fps')
    paper = {
        'M = 1': (1.6, 76.3),
        'M = 2': (1.8, 63.5),
        'M = 3': (1.9, 61.7),
        'M = 4': (2.3, 57.3),
        'M = 5': (2.4, 55.6),
    }
    for row in suite.rows:
        assert (row.paper.get('L_2D'), row.paper.get('fps')) == paper.get(row.label, (None, None))


def test_the_final_2d_loss_is_without_its_weight(tmp_path):
    run = runs.Run(suites.Row('a', 'first', 'a.py'), 0, tmp_path)
    for stage, losses in (('train', [9.0, 9.0]), ('finetune', [0.5, 0.02, 0.04])):
        log = tmp_path / stage / '20260101_100000' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(
            '\n'.join(
                json.dumps(dict(loss=1.0, loss_keypoints2d=loss, step=i, epoch=1 + (i > 0)))
                for i, loss in enumerate(losses)
            )
        )
    losses = dict(keypoints2d=dict(type='Keypoint2DLoss', loss_weight=5.0))
    init_default_scope('mmroi')
    assert results.final_loss_2d(run, Config(dict(model=dict(losses=losses)))) == pytest.approx(0.03 / 5)
    assert results.final_loss_2d(run, Config(dict(model=dict(losses=dict(keypoints2d=None))))) is None


def test_real_data_are_not_called_synthetic(summaries, tmp_path):
    suite = suites.Suite('s', 'My table', (), 'elsewhere')
    text = report.write_report(suite, profiles.load_profile('real'), summaries, {}, [], '', tmp_path)
    assert text.startswith('# My table: real images\n') and 'ynthetic' not in text


def test_pictures(summaries, tmp_path):
    pictures = plots.draw_all(summaries, tmp_path / 'new')
    assert [path.name for path in pictures] == ['curves.png', 'per_joint.png', 'cameras.png']
    assert all(path.stat().st_size > 1000 for path in pictures)
    assert plots.draw_all(summaries[2:], tmp_path / 'new') == []
    tables = [one.tables['per_joint'] for one in summaries[0].measured]
    assert plots.mean_table(tables) == Table(('joint', 'MPJPE'), [('hip', 104.0), ('all', 106.0)])
