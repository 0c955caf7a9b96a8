"""Tables of the paper with one command."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from mmroi.benchmark import frame_rate, profiles, results, runs, suite_run, suites
from mmroi.benchmark import project_files as files
from mmroi.evaluation import Table, paired_bootstrap

ROOT = Path(__file__).parents[2]


def test_the_real_profile_demands_smpl_and_says_so(tmp_path, run_tool):
    done = run_tool('benchmark.py', 'table4', '--profile', 'real', cwd=tmp_path, check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert done.stderr.startswith(
        'error: no body model at data/body_models/smpl/SMPL_NEUTRAL.pkl: download SMPL'
    )
    assert '--synthetic' in done.stderr


def test_the_page_names_all_suites_and_profiles():
    text = (ROOT / 'docs' / 'benchmark.md').read_text(encoding='utf-8')
    known = [*files.names_in(suites.SUITES), *files.names_in(profiles.PROFILES)]
    assert [name for name in known if f'`{name}`' not in text] == []


def measured(run, people=9):
    errors = {
        name: np.random.default_rng([run.seed, i]).uniform(90, 110, people) + len(run.name)
        for i, name in enumerate(results.PAIRED)
    }
    numbers = {name: float(values.mean()) for name, values in errors.items()}
    tables = {'per_joint': Table(('joint', 'MPJPE'), [('hip', numbers['MPJPE'])])}
    record = dict(date='2026-01-02T03:04:05', device='2 cores', code='mmroi 1')
    images = np.arange(people) // 2
    return results.Measured(run, numbers, tables, {1: 120.0, 2: 100.0}, people, record, errors, images)


@pytest.fixture
def offline(monkeypatch):
    """Runs without files, and pictures without pixels."""
    monkeypatch.setattr(
        'matplotlib.figure.Figure.savefig', lambda figure, path, **options: Path(path).touch()
    )
    monkeypatch.setattr(paired_bootstrap, 'RESAMPLES', 20)
    monkeypatch.setattr(runs.Run, 'is_done', property(lambda run: True))
    monkeypatch.setattr(suite_run, 'mean_pose', lambda run: dict(MPJPE=300.0))
    monkeypatch.setattr(
        suite_run,
        'read_frame_rates',
        lambda path, planned, profile: frame_rate.FrameRates(
            {run.row.name: 1234.5 for run in planned}, {}, '2 cores'
        ),
    )
    monkeypatch.setattr(suite_run, 'person_groups', lambda *paths: {'near': np.arange(9) < 4})
    for name in ('draw_people', 'draw_photos'):
        monkeypatch.setattr(suite_run, name, lambda *arguments: None)


@pytest.mark.parametrize('name', files.names_in(suites.SUITES))
def test_every_suite_as_its_file_says_has_a_whole_report(name, tmp_path, offline):
    suite = suites.load_suite(name)
    planned = runs.plan(suite.tested_rows, [0, 1], tmp_path)
    known = {run.name: measured(run) for run in planned}
    profile = profiles.load_profile('cpu')
    text = suite_run.report_suite(suite, profile, planned, known, 'command', tmp_path)
    assert 'Failed' not in text and 'to run' not in text
    assert text.count(' 1234.5 |') == sum('fps' in suite.columns and bool(row.config) for row in suite.rows)
    assert [row.label for row in suite.rows if row.label not in text] == []
    assert [one.label for one in suite.conditions if one.label not in text] == []
    pictures = {
        'curves.png',
        'per_joint.png',
        'cameras.png',
        *(['differences.png'] if suite.reference else []),
    }
    assert {path.name for path in tmp_path.glob('*.png')} == pictures
    assert all(f']({picture})' in text for picture in pictures)


def test_what_a_report_lacks_is_said_in_it_and_nothing_older_stays(tmp_path, offline, monkeypatch, capsys):
    suite = suites.load_suite('figure8')
    planned = runs.plan(suite.tested_rows, [0, 1], tmp_path)
    known = {run.name: measured(run) for run in planned}
    (tmp_path / 'differences.png').write_bytes(b'of an earlier report')
    monkeypatch.setattr(suite_run, 'mean_pose', {}.__getitem__)

    def draw_cameras(summaries, path):
        raise TypeError('no such camera')

    monkeypatch.setattr('mmroi.benchmark.plots.draw_cameras', draw_cameras)
    profile = profiles.load_profile('cpu')
    text = suite_run.report_suite(suite, profile, planned, known, 'command', tmp_path)
    _, _, failed = text.partition('\n## Failed\n\n')
    assert '* plots: no such camera\n* mean pose: ' in failed
    assert 'the report lacks plots: no such camera\n' in capsys.readouterr().out
    assert not (tmp_path / 'differences.png').exists() and '.png' not in text
    assert '| self-attention | ' in text


def test_runs_that_were_tested_on_other_people_are_not_compared(tmp_path, offline):
    suite = suites.load_suite('camera').select(['cliff', 'full'])
    planned = runs.plan(suite.tested_rows, [0], tmp_path)
    known = {run.name: measured(run, 9 if run.row.name == 'cliff' else 8) for run in planned}
    profile = profiles.load_profile('cpu')
    text = suite_run.report_suite(suite, profile, planned, known, 'command', tmp_path)
    assert '## By condition' in text and 'minus CLIFF |' not in text and '## In short' not in text
    assert '* Multi-RoI, M = 5 minus CLIFF: not compared, since not tested on the same people\n' in text


STOP = """
from pathlib import Path

from mmengine.hooks import Hook

from mmroi.registry import HOOKS


@HOOKS.register_module()
class Stop(Hook):
    def before_train_epoch(self, runner):
        if runner.epoch == 1 and Path('stop').exists() and '_m2' in runner.work_dir:
            raise RuntimeError('stopped here')
"""


def test_a_suite_goes_on_where_it_failed_and_is_reported_offline(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)  # of the report, which builds models
    monkeypatch.setattr(frame_rate, 'SECONDS', 0)
    (tmp_path / 'stop_hook.py').write_text(STOP)
    (tmp_path / 'stop').touch()
    (tmp_path / 'mine.py').write_text("""
title, paper_data, columns = 'Two rows', 'nowhere', ['L_2D', 'fps']
rows = [dict(name='first', label='First', config='cliff/cliff_r50_1xb48-25e_mixture-256x192.py',
             paper={'MPJPE': 72.0, 'L_2D': 1.6}),
        dict(name='second', label='Second',
             config='ablation/multi-roi_r50_1xb48-25e_coco-256x192_table4_m2.py')]
""")
    (tmp_path / 'tiny.py').write_text(f"""
_base_ = {str(profiles.PROFILES / 'quick.yml')!r}
seeds = [0]
synthetic = dict(out='images', num_train=4, num_val=3, image_size=96)
SAVE = dict(interval=1, save_optimizer=True, save_param_scheduler=True)
loader = dict(batch_size=2, num_workers=0, persistent_workers=False)
overrides = dict(
    train_dataloader=loader,
    val_dataloader=loader,
    test_dataloader=loader,
    param_scheduler=[],
    custom_imports=dict(imports=['stop_hook']),
    custom_hooks=[dict(type='EpochSeedHook'), dict(type='Stop')],
    **{{f'default_hooks.checkpoint.{{key}}': value for key, value in SAVE.items()}},
)
""")

    def call(*arguments):
        options = ('--profile', 'tiny.py', '--jobs', '1')  # one after the other, in order
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', 'mine.py', *options, *arguments])
        runpy.run_path(str(ROOT / 'tools' / 'benchmark.py'), run_name='__main__')

    def table():
        lines = (folder / 'report.md').read_text(encoding='utf-8').splitlines()
        return {line.split('|')[1].strip(): line for line in lines if line.startswith('|')}

    work_dir = tmp_path / 'work_dirs' / 'benchmark' / 'tiny'
    folder = work_dir / 'mine'
    first, second = (
        work_dir / 'runs' / config / 'seed0'
        for config in (
            'cliff/cliff_r50_1xb48-25e_mixture-256x192',
            'ablation/multi-roi_r50_1xb48-25e_coco-256x192_table4_m2',
        )
    )
    with pytest.raises(SystemExit, match='1 of 2 runs failed: second, seed 0; the same command tries'):
        call()
    printed = capsys.readouterr().out
    assert '[1/2] first, seed 0: MPJPE ' in printed and '[2/2] second, seed 0: FAILED: train.py' in printed
    assert 'stopped here' in (second / 'failure.txt').read_text()
    assert table()['First'].split('|')[-4:-1] == [' 0 ', ' 72.0 ', ' 1.6 ']
    assert '1 failed' in table()['Second']
    assert table()['Second'].split('|')[2] == ' – '
    fps = json.loads((folder / 'speed.json').read_text())['fps']
    assert list(fps) == ['first'] and fps['first'] > 0
    assert float(table()['First'].split('|')[-5]) == pytest.approx(fps['first'], abs=0.1)
    assert float(table()['First'].split('|')[-6]) > 0
    done, line = (first / 'run.json').stat().st_mtime_ns, table()['First'].split('|')

    (tmp_path / 'stop').unlink()
    call()
    assert (first / 'run.json').stat().st_mtime_ns == done
    again = table()['First'].split('|')
    assert again.pop(-5) and line.pop(-5) and again == line
    logs = ''.join(log.read_text() for log in (second / 'train').glob('*/*.log'))
    assert 'resumed epoch: 1' in logs
    assert 'failed' not in (folder / 'report.md').read_text()
    assert set(json.loads((folder / 'speed.json').read_text())['fps']) == {'first', 'second'}  # in turns
    seen = [json.loads((run / 'run.json').read_text())['people_seen'] for run in (first, second)]
    assert seen[0] == seen[1] >= 2 * 4

    # Results are not taken for those of other settings.
    settings = (tmp_path / 'tiny.py').read_text()
    (tmp_path / 'tiny.py').write_text(settings.replace('batch_size=2', 'batch_size=1'))
    with pytest.raises(
        SystemExit,
        match=r'cliff_r50_1xb48-25e_mixture-256x192/seed0 was made with other settings '
        r'\(test_dataloader, train_dataloader, val_dataloader differ\)',
    ):
        call()

    # What cannot be read fails alone.
    for path in (first / 'results.npz', first / 'run.json', first / 'test.py', folder / 'speed.json'):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        call('--report-only') if path.parent == folder else pytest.raises(SystemExit, call, '--report-only')
        assert f'{path.name} is damaged' in (folder / 'report.md').read_text(encoding='utf-8')
        assert table()['Second'].split('|')[2] != ' – '
        path.write_bytes(content)

    call('--report-only')
    before = table()
    report = (folder / 'report.md').read_text(encoding='utf-8')
    _, _, otherwise = report.partition('\n## Made with other settings\n')
    assert otherwise.count('seed0 was made with other settings (test_dataloader, train_dataloader,') == 2
    (tmp_path / 'tiny.py').write_text(settings)
    call('--report-only')
    assert 'other settings' not in (folder / 'report.md').read_text(encoding='utf-8')
    shutil.rmtree('images')
    for checkpoint in work_dir.rglob('*.pth'):
        checkpoint.unlink()
    call('--report-only')
    assert table() == before
    assert {path.name for path in folder.glob('*.png')} == {'curves.png', 'per_joint.png', 'cameras.png'}
