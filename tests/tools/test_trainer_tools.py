"""Curves, schedules, configs and published checkpoints, by the command-line tools."""

import json

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from mmroi.engine.pipelines import load_config

from ..conftest import SHIPPED_MULTI_ROI


@pytest.fixture
def fails(run_tool, tmp_path):
    """``fails(tool, ...)`` gives the last line that a tool prints about bad input."""

    def run(name, *arguments):
        done = run_tool(name, *arguments, cwd=tmp_path, check=False)
        assert done.returncode
        return done.stderr.strip().splitlines()[-1]

    return run


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


def test_time_of_an_iteration(work_dir, run_tool):
    assert run_tool('analysis_tools/analyze_logs.py', 'cal_train_time', work_dir).stdout == (
        'training: 0.3000 s per iteration (slowest 0.4000, fastest 0.2000, deviation 0.1000), '
        'of which 0.2000 s for data\n'
    )


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['cal_train_time', '{folder}'], 'has no */vis_data/scalars.json'),
        (['plot_curve', '{folder}/a/b/gone.json'], 'gone.json'),
        (
            ['plot_curve', '{log}', '--keys', 'los'],
            "error: no log has 'los'; there are: data_time, loss, lr, time, unit/MPJPE",
        ),
        (['plot_curve', '{log}', '--legend', 'a', 'b'], '--legend has 2 names for 1 logs'),
    ],
)
def test_bad_logs(work_dir, tmp_path, fails, arguments, message):
    (tmp_path / 'empty').mkdir()
    arguments = [argument.format(folder=tmp_path / 'empty', log=work_dir) for argument in arguments]
    assert message in fails('analysis_tools/analyze_logs.py', *arguments)


def test_schedule(small_multi_roi, run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/vis_scheduler.py',
        small_multi_roi,
        '--dataset-size',
        640,
        '--save-path',
        tmp_path / 'new' / 'lr.png',
        '--cfg-options',
        'max_epochs=4',
        'param_scheduler.0.eta_max=5e-4',
        'train_dataloader.batch_size=64',
    )
    # One-cycle of 5e-4 begins at a 25th and ends at a 10,000th of its start.
    assert (
        '40 iterations, 10 in an epoch: lr starts at 2e-05, is 0.0005 at most and ends at 2e-09'
        in done.stdout.replace('0.000499', '0.0005').replace('0.000498', '0.0005')
    )
    assert cv2.imread(str(tmp_path / 'new' / 'lr.png')).shape[:2] == (480, 960)


def test_bad_schedule(small_multi_roi, fails):
    tool = 'analysis_tools/vis_scheduler.py'
    assert fails(tool, 'gone.py').startswith('error: config gone.py does not exist')
    assert '--dataset-size must be at least 1' in fails(tool, small_multi_roi, '-d', 0)


def test_whole_config(small_multi_roi, run_tool, tmp_path):
    done = run_tool(
        'analysis_tools/print_config.py',
        small_multi_roi,
        '--save-path',
        tmp_path / 'whole.py',
        '--cfg-options',
        'train_dataloader.batch_size=3',
    )
    expected = load_config(small_multi_roi)
    expected.train_dataloader.batch_size = 3
    assert done.stdout.strip() == expected.pretty_text.strip()
    assert Config.fromfile(tmp_path / 'whole.py').to_dict() == expected.to_dict()


def test_bad_config(small_multi_roi, fails):
    tool = 'analysis_tools/print_config.py'
    assert fails(tool, 'gone.py').startswith('error: config gone.py does not exist')
    assert "must end in .py, .json or .yml, not 'a.txt'" in fails(
        tool, small_multi_roi, '--save-path', 'a.txt'
    )


def test_published_as_safetensors(run_tool, tmp_path):
    target = tmp_path / 'new' / 'model.safetensors'
    done = run_tool(
        'model_converters/publish_model.py', SHIPPED_MULTI_ROI.weights, target, '--hash', '--half'
    )
    (path,) = target.parent.iterdir()
    assert path.stem.startswith('model-') and len(path.stem) == 14 and str(path) in done.stdout
    written = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    shipped = torch.load(SHIPPED_MULTI_ROI.weights, map_location='cpu', weights_only=True)
    assert written['state_dict'].keys() == shipped['state_dict'].keys()
    assert all(torch.equal(written['state_dict'][key], value) for key, value in shipped['state_dict'].items())
    assert written['meta']['epoch'] == str(shipped['meta']['epoch'])
    assert written['meta']['cfg'] == shipped['meta']['cfg']


def test_bad_checkpoints(tmp_path, fails):
    tool = 'model_converters/publish_model.py'
    assert fails(tool, 'gone.pth', 'x.pth') == 'error: checkpoint gone.pth does not exist'
    torch.save(dict(weights=1), tmp_path / 'other.pth')
    assert 'other.pth has no state_dict' in fails(tool, 'other.pth', 'x.pth')
    for name, value, message in (('nan', float('nan'), 'not finite'), ('big', 1e6, 'in half precision')):
        torch.save(dict(state_dict=dict(w=torch.tensor([value]))), tmp_path / f'{name}.pth')
        assert message in fails(tool, f'{name}.pth', 'x.pth', '--half')
    torch.save(dict(state_dict=dict(w=torch.ones(1))), tmp_path / 'good.pth')
    assert 'must end in .pth or .safetensors' in fails(tool, 'good.pth', 'x.bin')
    assert not list(tmp_path.glob('x*'))
