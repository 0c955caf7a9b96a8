"""Runs and their folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmroi.benchmark import runs, suites
from mmroi.evaluation.mesh_results import PREDICTIONS
from mmroi.fileio.atomic import WriteError
from mmroi.fileio.npz_io import write_npz

ROOT = Path(__file__).parents[2]


def test_all_rows_with_one_seed_come_before_the_next_seed(tmp_path):
    suite = suites.load_suite('table1').select(['cliff', 'niki', 'multi-roi'])
    planned = runs.plan(suite.rows, [0, 4], tmp_path)
    assert [run.name for run in planned] == [
        'cliff, seed 0',
        'multi-roi, seed 0',
        'cliff, seed 4',
        'multi-roi, seed 4',
    ]
    stages = 'cliff_hr48_1xb20-15e_mixture-256x192_then_cliff_hr48_finetune-1xb20-5e_pw3d-256x192'
    assert planned[0].folder == tmp_path / 'runs/cliff' / stages / 'seed0'


def test_suites_share_the_runs_of_the_rows_that_they_have_in_common(tmp_path):
    folders = [
        runs.plan(suites.load_suite(name).select(['full']).rows, [0], tmp_path)[0].folder
        for name in ('table2', 'table3', 'table4', 'figure8', 'ours', 'rois_beyond_5')
    ]
    assert set(folders) == {tmp_path / 'runs/ablation/multi-roi_r50_1xb48-25e_coco-256x192/seed0'}


def test_configs_of_the_same_name_do_not_share_a_folder(tmp_path):
    rows = [suites.Row(name, name, f'/{name}/mine.py') for name in 'ab']
    with pytest.raises(ValueError, match='rows a and b would share the folder runs/mine: give their files'):
        runs.plan(rows, [0], tmp_path)
    condition = suites.Condition('off', 'off')
    assert len(runs.plan([rows[0], rows[0].under(condition)], [0], tmp_path)) == 2


def test_a_row_with_overrides_has_a_folder_of_its_own(tmp_path):
    plain = suites.Row('plain', 'plain', 'cliff/mine.py')
    fast, faster = (
        suites.Row(f'lr-{rate}', 'fast', 'cliff/mine.py', overrides={'optim_wrapper.optimizer.lr': rate})
        for rate in (1, 2)
    )
    condition = suites.Condition('off', 'off')
    rows = [plain, fast, faster, fast.under(condition)]
    folders = [run.folder.parent.relative_to(tmp_path).as_posix() for run in runs.plan(rows, [0], tmp_path)]
    assert folders == [f'runs/cliff/{name}' for name in ('mine', 'mine_lr-1', 'mine_lr-2', 'mine_lr-1')]


def test_a_folder_is_kept_for_one_benchmark(tmp_path):
    with (
        runs.locked(tmp_path),
        pytest.raises(RuntimeError, match='another run writes into'),
        runs.locked(tmp_path),
    ):
        pass
    with runs.locked(tmp_path):
        pass


@pytest.fixture
def tested(tmp_path):
    """A run whose test has written its files."""
    run = runs.Run(suites.Row('a', 'first', 'a.py'), 0, tmp_path / 'a')
    arrays = {f'pred_instances.{name}': np.random.default_rng(0).normal(size=(3, 9)) for name in PREDICTIONS}
    write_npz(run.results, arrays)
    run.config('test').write_text("model = dict(type='A')\ntest_evaluator = dict(type='B')\n")
    run.record.write_text(json.dumps(dict(people_seen=1, date='2026', device='d', code='c')))
    assert run.is_done and run.damage is None and run.read_failure() is None
    return run


DAMAGES = {
    'empty': lambda content: b'',
    'half': lambda content: content[: len(content) // 2],
    'zeros': lambda content: bytes(len(content)),
}


@pytest.mark.parametrize('damage', DAMAGES)
@pytest.mark.parametrize('name', ['results.npz', 'run.json', 'test.py'])
def test_done_means_readable(tested, name, damage):
    path = tested.folder / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert not tested.is_done
    assert tested.read_failure().startswith(f'{path} is damaged (')
    tested.failure.write_bytes(b'\xff: why')
    assert tested.read_failure() == '\ufffd: why'


def test_a_run_without_files_is_neither_done_nor_failed(tmp_path):
    run = runs.Run(suites.Row('a', 'first', 'a.py'), 0, tmp_path / 'a')
    assert not run.is_done and run.damage is None and run.read_failure() is None


def test_the_last_checkpoint(tmp_path):
    note = tmp_path / 'last_checkpoint'
    note.write_text('/elsewhere/epoch_3.pth\n')
    assert runs.last_checkpoint(tmp_path) == tmp_path / 'epoch_3.pth'
    note.write_text('')
    with pytest.raises(FileNotFoundError, match='last_checkpoint names no checkpoint'):
        runs.last_checkpoint(tmp_path)


def test_configs_are_written_whole(tmp_path, small_disk):
    path = tmp_path / 'train.py'
    runs.dump_config(Config(dict(a=1)), path)
    with pytest.raises(WriteError), small_disk(1000):
        runs.dump_config(Config(dict(a='x' * 2000)), path)
    assert Config.fromfile(path).a == 1
