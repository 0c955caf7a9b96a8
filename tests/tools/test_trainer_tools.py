"""Curves, schedules, configs and published checkpoints, by the command-line tools."""

import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader

from mmroi.apis import find_model
from mmroi.fileio import HumanData
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[2]
MODEL = find_model('multi-roi_r18_synthetic')


def load(name):
    path = ROOT / 'tools' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fails(name, capsys, monkeypatch, *arguments):
    """What a tool says of bad input."""
    tool = load(name)
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        tool.run_tool(tool.main)
    assert end.value.code not in (0, None)
    words = end.value.code if isinstance(end.value.code, str) else capsys.readouterr().err
    return words.strip().splitlines()[-1]


@pytest.fixture
def work_dir(tmp_path):
    """Log of a training that was resumed: iteration 20 was done twice."""
    entries = [
        [
            dict(loss=4.0, lr=1e-3, time=0.2, data_time=0.1, epoch=1, iter=10, step=10),
            dict(loss=9.0, lr=1e-3, time=0.2, data_time=0.1, epoch=1, iter=20, step=20),
        ],
        [
            dict(loss=2.0, lr=1e-4, time=0.4, data_time=0.3, epoch=1, iter=20, step=20),
            {'unit/MPJPE': 80.0, 'time': 0.5, 'data_time': 0.2, 'step': 1},
        ],
    ]
    for run, lines in zip(('20260101_000000', '20260102_000000'), entries, strict=True):
        log = tmp_path / 'training' / run / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text('\n'.join(map(json.dumps, lines)))
    return tmp_path / 'training'


def test_curves(work_dir, run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/analyze_logs.py',
        'plot_curve',
        work_dir,
        '--keys',
        'loss',
        'unit/MPJPE',
        '--out',
        tmp_path / 'new' / 'curves.png',
    )
    assert 'curves.png' in done.stdout
    assert cv2.imread(str(tmp_path / 'new' / 'curves.png')).shape[:2] == (480, 1320)


def test_what_the_curves_are(work_dir):
    train, val = load('analysis_tools/analyze_logs').read_curves(work_dir)
    np.testing.assert_array_equal(train['loss'], [[10, 20], [4, 2]])
    np.testing.assert_array_equal(val['unit/MPJPE'], [[1], [80]])
    file = work_dir / '20260101_000000' / 'vis_data' / 'scalars.json'
    train, val = load('analysis_tools/analyze_logs').read_curves(file)
    np.testing.assert_array_equal(train['loss'], [[10, 20], [4, 9]])
    assert not val


def test_time_of_an_iteration(work_dir, monkeypatch, capsys):
    tool = load('analysis_tools/analyze_logs')
    monkeypatch.setattr(sys, 'argv', ['analyze_logs.py', 'cal_train_time', str(work_dir)])
    tool.main()
    assert capsys.readouterr().out == (
        'training: 0.3000 s per iteration (slowest 0.4000, fastest 0.2000, deviation 0.1000), '
        'of it 0.2000 s for data\n'
    )


def test_bad_logs(work_dir, tmp_path, capsys, monkeypatch):
    tool = ('analysis_tools/analyze_logs', capsys, monkeypatch)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'a' / 'b' / 'c').mkdir(parents=True)
    (tmp_path / 'a' / 'b' / 'c' / 'x.json').write_text('no log')
    assert 'has no */vis_data/scalars.json' in fails(*tool, 'cal_train_time', tmp_path / 'empty')
    assert 'x.json is no log of MMEngine' in fails(*tool, 'plot_curve', tmp_path / 'a' / 'b' / 'c' / 'x.json')
    assert 'gone.json' in fails(*tool, 'plot_curve', tmp_path / 'a' / 'b' / 'gone.json')
    unknown = fails(*tool, 'plot_curve', work_dir, '--keys', 'los')
    assert unknown == "error: no log has 'los'; there are: data_time, loss, lr, time, unit/MPJPE"
    assert '--legend has 2 names for 1 logs' in fails(*tool, 'plot_curve', work_dir, '--legend', 'a', 'b')


def test_schedule(run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/vis_scheduler.py',
        MODEL.config,
        '--dataset-size',
        640,
        '--save-path',
        tmp_path / 'new' / 'lr.png',
        '--cfg-options',
        'max_epochs=4',
        'train_cfg.max_epochs=4',
        'param_scheduler.0.total_steps=4',
        'param_scheduler.0.eta_max=5e-4',
        'train_dataloader.batch_size=64',
    )
    # One-cycle of 5e-4 begins at a 25th and ends at a 10,000th of its start.
    assert (
        '40 iterations, 10 in an epoch: lr starts at 2e-05, is 0.0005 at most and ends at 2e-09'
        in done.stdout.replace('0.000499', '0.0005').replace('0.000498', '0.0005')
    )
    assert cv2.imread(str(tmp_path / 'new' / 'lr.png')).shape[:2] == (480, 960)


def test_iterations_of_an_epoch():
    tool = load('analysis_tools/vis_scheduler')
    cfg = Config(dict(train_dataloader=dict(batch_size=10)))
    assert [tool.count_iterations(cfg, size, 2) for size in (19, 20, 21)] == [1, 1, 2]
    cfg.train_dataloader.drop_last = True
    assert [tool.count_iterations(cfg, size, 2) for size in (20, 39)] == [1, 1]


def test_iterations_of_real_data_need_no_body(tmp_path):
    """The config names SMPL, which is not there; its data set is only counted."""
    make_dataset(tmp_path, StudioSettings('easy', 96, 0), 3, 0, workers=1, progress=False)
    cfg = Config.fromfile(Path(MODEL.config).parents[1] / 'multi_roi' / 'multi-roi_r50_pw3d-finetune.py')
    init_default_scope(cfg.default_scope)
    cfg.train_dataloader.update(batch_size=1, num_workers=0)
    cfg.train_dataloader.dataset.update(
        data_root=str(tmp_path), ann_file='train.npz', data_prefix=dict(img_path='')
    )
    people = HumanData.fromfile(tmp_path / 'train.npz')
    assert load('analysis_tools/vis_scheduler').count_iterations(cfg, None, 1) == people.data_len


def test_bad_schedule(capsys, monkeypatch):
    tool = ('analysis_tools/vis_scheduler', capsys, monkeypatch)
    assert fails(*tool, 'gone.py') == 'error: config gone.py does not exist'
    assert '--dataset-size must be at least 1' in fails(*tool, MODEL.config, '-d', 0)


def test_whole_config(run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/print_config.py',
        MODEL.config,
        '--save-path',
        tmp_path / 'whole.py',
        '--cfg-options',
        'train_dataloader.batch_size=3',
    )
    expected = Config.fromfile(MODEL.config)
    expected.train_dataloader.batch_size = 3
    assert done.stdout.strip() == expected.pretty_text.strip()
    assert Config.fromfile(tmp_path / 'whole.py').to_dict() == expected.to_dict()


def test_bad_config(capsys, monkeypatch):
    tool = ('analysis_tools/print_config', capsys, monkeypatch)
    assert fails(*tool, 'gone.py') == 'error: config gone.py does not exist'
    assert "must end in .py, .json or .yml, not 'a.txt'" in fails(*tool, MODEL.config, '--save-path', 'a.txt')


def test_published_as_safetensors(run_tool, tmp_path):
    target = tmp_path / 'new' / 'model.safetensors'
    done = run_tool('model_converters/publish_model.py', MODEL.weights, target, '--hash', '--half')
    (path,) = target.parent.iterdir()
    assert path.stem.startswith('model-') and len(path.stem) == 14 and str(path) in done.stdout
    written = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    shipped = torch.load(MODEL.weights, map_location='cpu', weights_only=True)
    assert written['state_dict'].keys() == shipped['state_dict'].keys()
    assert all(torch.equal(written['state_dict'][key], value) for key, value in shipped['state_dict'].items())
    assert written['meta']['epoch'] == str(shipped['meta']['epoch'])
    assert written['meta']['cfg'] == shipped['meta']['cfg']


def test_bad_checkpoints(tmp_path, capsys, monkeypatch):
    tool = ('model_converters/publish_model', capsys, monkeypatch)
    assert fails(*tool, 'gone.pth', 'x.pth') == 'error: checkpoint gone.pth does not exist'
    torch.save(dict(weights=1), tmp_path / 'other.pth')
    assert 'other.pth has no state_dict' in fails(*tool, tmp_path / 'other.pth', 'x.pth')
    for name, value, message in (('nan', float('nan'), 'not finite'), ('big', 1e6, 'in half precision')):
        torch.save(dict(state_dict=dict(w=torch.tensor([value]))), tmp_path / f'{name}.pth')
        assert message in fails(*tool, tmp_path / f'{name}.pth', tmp_path / 'x.pth', '--half')
    torch.save(dict(state_dict=dict(w=torch.ones(1))), tmp_path / 'good.pth')
    assert 'must end in .pth or .safetensors' in fails(*tool, tmp_path / 'good.pth', tmp_path / 'x.bin')
    assert not list(tmp_path.glob('x*'))
