"""Tables of the paper by one command: suites, profiles and runs."""

import importlib
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.datasets import MultiRoICrop
from mmroi.engine.pipelines import find_steps, load_config, read_crops
from mmroi.registry import MODELS

ROOT = Path(__file__).parents[2]
profiles, running, speed, suites = (
    importlib.import_module(f'mmroi.benchmark.{name}')
    for name in ('profiles', 'running', 'measured_speed', 'suites')
)

SUITES = sorted(path.stem for path in suites.SUITES.glob('*.py'))
ABLATIONS = sorted(path.stem for path in (ROOT / 'configs' / 'ablation').glob('*.py'))
IN_PROFILE = {'in_channels', 'hidden_channels', 'dropout'}  # what a profile decides of a part


@pytest.fixture(scope='module')
def quick():
    return profiles.load_profile('quick')


@pytest.fixture(scope='module')
def base():
    return load_config(ROOT / 'configs' / 'ablation' / 'multi-roi_r50_coco.py')


def without(part, keys=IN_PROFILE):
    return {key: value for key, value in (part or {}).items() if key not in keys}


def crops(config):
    return [replace(read_crops(config[loader]), crop_size=(0, 0)) for loader in profiles.LOADERS]


@pytest.mark.parametrize('name', ABLATIONS)
def test_a_profile_keeps_what_a_row_changes_and_changes_the_rest_alike(name, quick, base):
    row = load_config(ROOT / 'configs' / 'ablation' / f'{name}.py')
    small, small_base = (profiles.make_config(config, quick, seed=3) for config in (row, base))
    for part in ('fusion', 'head', 'projector'):
        assert without(small.model[part]) == without(row.model[part])
        assert (small.model[part] is None) == (row.model[part] is None)
        assert 'in_channels' not in (small.model[part] or {})  # the estimator measures it
    assert small.model.num_rois == row.model.num_rois
    for loss in ('camera', 'contrastive'):
        assert small.model.losses[loss] == row.model.losses[loss]
    assert crops(small) == crops(row)
    assert small.model.losses.keypoints2d.loss_weight == row.model.losses.keypoints2d.loss_weight
    # SMPL belongs to the real photographs.
    assert row.model.body_model.model_path and small.model.body_model == dict(type='SMPL')
    # Nothing else differs between two rows.
    for config in (small, small_base):
        for part in ('fusion', 'head'):
            config.model[part] = (
                {key: config.model[part].get(key) for key in IN_PROFILE} if row.model[part] else None
            )
        for loss in ('camera', 'contrastive'):
            del config.model.losses[loss]
        config.model.pop('num_rois')
        for loader in profiles.LOADERS:
            for key in ('num_rois', 'random'):
                find_steps(config[loader], MultiRoICrop)[0].pop(key, None)
    assert small.to_dict() == small_base.to_dict()


def test_single_rois_keep_the_weight_of_their_2d_loss_and_crop_level_projection(quick):
    small = profiles.make_config(load_config(ROOT / 'configs/hmr/hmr_r50_mixture.py'), quick, seed=0)
    assert small.model.losses.keypoints2d == dict(
        type='Keypoint2DLoss', loss_weight=5.0, frame='crop', **quick.model.losses.keypoints2d
    )
    assert small.model.head == dict(type='CLIFFHead', boxes='none', hidden_channels=(512, 512), dropout=0.0)
    assert 'fusion' not in small.model and 'projector' not in small.model
    assert small.train_dataloader.dataset.data_root == quick.photos.out


@pytest.mark.parametrize('name', SUITES)
def test_every_row_of_a_suite_at_both_ends_of_scale(name, quick):
    suite = suites.load_suite(name)
    real = profiles.load_profile('real')
    for row in suite.rows:
        if row.config:
            [(stage, small)] = profiles.stage_configs(row, quick, 0).items()
            assert stage == 'train' and small.model.encoder.backbone.depth == 18
            for stage, config in profiles.stage_configs(row, real, 7).items():
                file = {'train': row.config, 'finetune': row.finetune}[stage]
                own = load_config(suites.CONFIGS / file, import_custom_modules=False)
                assert config.model == own.model and config.randomness == dict(seed=7)
                assert config.train_dataloader == own.train_dataloader
        else:
            assert row.paper


def test_profiles_ask_for_the_same_photographs_as_they_read():
    for path in profiles.PROFILES.glob('[!_]*.py'):
        profile = profiles.load_profile(path.stem)
        for loader in profiles.LOADERS if 'photos' in profile else ():
            assert Path(profile[loader].dataset.data_root) == Path(profile.photos.out)
        if 'photos' in profile:
            [cycle] = profile.param_scheduler
            assert cycle.total_steps == profile.train_cfg.max_epochs


def test_a_network_of_one_roi_is_tested_on_five_with_the_same_mesh(quick):
    row = load_config(ROOT / 'configs/cliff/cliff_r50_mixture.py')
    trained = profiles.make_config(row, quick, seed=0)
    tested = profiles.for_testing(trained)
    assert [crop.num_rois for crop in crops(tested)] == [1, 5, 5]
    for config in (trained, tested):
        config.model.encoder.init_cfg = config.model.heatmap_head.init_cfg = None
    init_default_scope('mmroi')
    one, five = (MODELS.build(config.model).eval() for config in (trained, tested))
    five.load_state_dict(one.state_dict())
    inputs = torch.randn(2, 5, 3, 64, 48)
    boxes = torch.tensor([[10.0, -20.0, 150.0]], dtype=torch.float64).expand(2, 5, 3)
    focal_length = torch.full((2,), 500.0, dtype=torch.float64)
    with torch.no_grad():
        alone = one.regress(inputs[:, :1], boxes[:, :1], focal_length)
        together = five.regress(inputs, boxes, focal_length)
    for key in ('pose6d', 'betas', 'cameras'):
        mine = alone[key] if key == 'cameras' else alone[key][:, None]
        torch.testing.assert_close(together[key][:, :1], mine, rtol=1e-4, atol=1e-5)


SMPL_FILES = [
    f'data/body_models/smpl/{name}'
    for name in (
        'J_regressor_extra.npy',
        'J_regressor_h36m.npy',
        'SMPL_FEMALE.pkl',
        'SMPL_MALE.pkl',
        'SMPL_NEUTRAL.pkl',
    )
]


def touch(*files):
    for file in files:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()


def test_real_data_are_used_where_all_of_them_and_smpl_are_there(tmp_path, monkeypatch):
    suite = suites.load_suite('table2')
    monkeypatch.chdir(tmp_path)
    assert profiles.choose_profile(suite, synthetic=False, quick=False) in ('cpu', 'gpu-synthetic')
    base = Config.fromfile(ROOT / 'configs' / 'ablation' / 'multi-roi_r50_coco.py')
    files = [f'data/preprocessed_datasets/{name}.npz' for name in ('cliff_coco_train', 'pw3d_test')]
    assert profiles.missing_files(base) == [*SMPL_FILES, *files]
    touch(*files, *SMPL_FILES[:-1])
    assert profiles.choose_profile(suite, synthetic=False, quick=False) in ('cpu', 'gpu-synthetic')
    touch(SMPL_FILES[-1])
    assert profiles.choose_profile(suite, synthetic=False, quick=False) == 'real'
    assert profiles.choose_profile(suite, synthetic=True, quick=False) != 'real'
    assert profiles.choose_profile(suite, synthetic=False, quick=True) == 'quick'
    assert len(profiles.missing_files(Config.fromfile(ROOT / 'configs/hmr/hmr_r50_mixture.py'))) == 3


def test_the_real_profile_demands_smpl_and_says_so(tmp_path, run_tool):
    done = run_tool('benchmark.py', 'table4', '--profile', 'real', cwd=tmp_path, check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert done.stderr.startswith(f'error: no body model at {SMPL_FILES[-1]}: download SMPL')
    assert '--synthetic' in done.stderr


def test_what_is_wrong_with_a_suite_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='table9 is neither a file nor one of baselines, fig'):
        suites.load_suite('table9')
    with pytest.raises(ValueError, match=r"table2 has no rows \['m1'\]; it has none, raf"):
        suites.load_suite('table2').select(['full', 'm1'])
    head = "title = 'x'\npaper_data = ''\n"
    for rows, error, message in (
        ("[dict(name='a', label='', config='no.py')]", FileNotFoundError, 'row a names no.py'),
        ("[dict(name='a', label=''), dict(name='a', label='')]", ValueError, 'the same name'),
        ("[dict(name=n, label='', config='hmr/hmr_r50_mixture.py') for n in 'ab']", ValueError, 'alike'),
        ("[dict(name='a', label='', nme=1)]", ValueError, "a row is not understood.*'nme'"),
        ("[]\ncolumns = ['fps', 'watts']", ValueError, 'are fps, watts, but there are L_2D, fps'),
    ):
        (tmp_path / 'mine.py').write_text(f'{head}rows = {rows}\n')
        with pytest.raises(error, match=message):
            suites.load_suite(str(tmp_path / 'mine.py'))


def test_the_page_names_all_suites_and_profiles():
    text = (ROOT / 'docs' / 'benchmark.md').read_text(encoding='utf-8')
    known = [*SUITES, *(path.stem for path in profiles.PROFILES.glob('[!_]*.py'))]
    assert [name for name in known if f'`{name}`' not in text] == []


def test_all_rows_with_one_seed_come_before_the_next_seed(tmp_path):
    suite = suites.load_suite('table1').select(['cliff', 'niki', 'multi-roi'])
    runs = running.plan(suite.rows, [0, 4], tmp_path)
    assert [run.name for run in runs] == [
        'cliff, seed 0',
        'multi-roi, seed 0',
        'cliff, seed 4',
        'multi-roi, seed 4',
    ]
    assert runs[0].folder == tmp_path / 'runs/cliff/cliff_hr48_mixture_then_cliff_hr48_pw3d-finetune/seed0'


def test_suites_share_the_runs_of_the_rows_that_they_have_in_common(tmp_path):
    folders = [
        running.plan(suites.load_suite(name).select(['full']).rows, [0], tmp_path)[0].folder
        for name in ('table2', 'table3', 'table4', 'figure8', 'ours', 'rois_beyond_5')
    ]
    assert set(folders) == {tmp_path / 'runs/ablation/multi-roi_r50_coco/seed0'}


def test_a_folder_is_kept_for_one_benchmark(tmp_path):
    with (
        running.locked(tmp_path),
        pytest.raises(RuntimeError, match='another benchmark'),
        running.locked(tmp_path),
    ):
        pass
    with running.locked(tmp_path):
        pass


KILLED = """
import subprocess, sys, time
from mmroi.benchmark.running import _end_with_parent
child = [sys.executable, '-c', 'import time; time.sleep(60)']
print(subprocess.Popen(child, start_new_session=True, preexec_fn=_end_with_parent).pid, flush=True)
time.sleep(60)
"""


def test_a_killed_benchmark_leaves_no_training_behind():
    command = [sys.executable, '-c', KILLED, str(ROOT / 'tools')]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(300):
        if not is_alive(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail('the training goes on')


def is_alive(pid):
    """Whether a process runs; one that nobody has buried does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


STOP = """
from pathlib import Path

from mmengine.hooks import Hook

from mmroi.registry import HOOKS


@HOOKS.register_module()
class Stop(Hook):
    def before_train_epoch(self, runner):
        if runner.epoch == 1 and Path('stop').exists() and 'table4_m2' in runner.work_dir:
            raise RuntimeError('stopped here')
"""


def test_a_suite_goes_on_where_it_failed_and_is_reported_offline(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)  # of the report, which builds models
    monkeypatch.setattr(speed, 'SECONDS', 0)
    (tmp_path / 'stop_hook.py').write_text(STOP)
    (tmp_path / 'stop').touch()
    (tmp_path / 'mine.py').write_text("""
title, paper_data, columns = 'Two rows', 'nowhere', ['L_2D', 'fps']
rows = [dict(name='first', label='First', config='cliff/cliff_r50_mixture.py',
             paper={'MPJPE': 72.0, 'L_2D': 1.6}),
        dict(name='second', label='Second', config='ablation/table4_m2.py')]
""")
    (tmp_path / 'tiny.py').write_text(f"""
_base_ = {str(ROOT / 'configs/_profiles_/quick.py')!r}
photos = dict(out='photos', num_train=4, num_val=3, image_size=96)
model = dict(encoder=dict(init_cfg=None), heatmap_head=dict(init_cfg=None))
loader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(data_root='photos'))
train_dataloader, val_dataloader, test_dataloader = loader, loader, loader
param_scheduler = []
train_cfg = dict(max_epochs=2)
custom_imports = dict(imports=['stop_hook'])
custom_hooks = [dict(type='EpochSeedHook'), dict(type='Stop')]
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
        work_dir / 'runs' / config / 'seed0' for config in ('cliff/cliff_r50_mixture', 'ablation/table4_m2')
    )
    with pytest.raises(SystemExit, match='1 of 2 runs failed: second, seed 0; the same command tries'):
        call()
    printed = capsys.readouterr().out
    assert '[1/2] first, seed 0: MPJPE ' in printed and '[2/2] second, seed 0: FAILED: train.py' in printed
    assert 'stopped here' in (second / 'failure.txt').read_text()
    assert table()['First'].split('|')[-4:-1] == [' 0 ', ' 72.0 ', ' 1.6 ']
    assert '1 failed' in table()['Second']
    assert table()['Second'].split('|')[2] == ' – '
    fps = json.loads((first / 'speed.json').read_text())['fps']
    assert fps > 0 and float(table()['First'].split('|')[-5]) == pytest.approx(fps, abs=0.1)
    assert float(table()['First'].split('|')[-6]) > 0 and not (second / 'speed.json').exists()
    done, line = (first / 'run.json').stat().st_mtime_ns, table()['First']

    (tmp_path / 'stop').unlink()
    call()
    assert (first / 'run.json').stat().st_mtime_ns == done and table()['First'] == line
    assert 'resumed epoch: 1' in (second / 'train.log').read_text()
    assert 'failed' not in (folder / 'report.md').read_text()
    assert (second / 'speed.json').is_file()  # the other's is kept, as its line shows
    seen = [json.loads((run / 'run.json').read_text())['people_seen'] for run in (first, second)]
    assert seen[0] == seen[1] >= 2 * 4

    # Results are not taken for those of other settings.
    settings = (tmp_path / 'tiny.py').read_text()
    (tmp_path / 'tiny.py').write_text(settings.replace('batch_size=2', 'batch_size=1'))
    with pytest.raises(
        SystemExit,
        match=r'cliff_r50_mixture/seed0 holds a training under other settings '
        r'than now \(test_dataloader, train_dataloader, val_dataloader differ\)',
    ):
        call()

    shutil.rmtree('photos')
    for checkpoint in work_dir.rglob('*.pth'):
        checkpoint.unlink()
    before = table()
    call('--report-only')
    assert table() == before
    assert {path.name for path in folder.glob('*.png')} == {'curves.png', 'per_joint.png', 'cameras.png'}
