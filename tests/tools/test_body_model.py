"""The body of real data as a user meets it: without SMPL, with the open body in its place, with SMPL."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmroi.apis import MultiRoIInferencer, build_model, init_model
from mmroi.fileio import HumanData
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs' / 'cliff' / 'cliff_r50_finetune-1xb48-5e_pw3d-256x192.py'
ABSENT = 'no body model at data/body_models/smpl/SMPL_NEUTRAL.pkl: download SMPL 1.1.0 for Python from https:'
TINY = f"""
_base_ = {str(CONFIG)!r}
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
train_pipeline[-2].update(crop_size=(64, 48))
test_pipeline[-2].update(crop_size=(64, 48))
model = dict(
    encoder=dict(backbone=dict(depth=18, base_channels=8)),
    head=dict(in_channels=64, hidden_channels=(32, 32)))
train_dataloader = dict(
    batch_size=2, num_workers=0,
    dataset=dict(
        _delete_=True, type='MixedDataset', data_root='data/', pipeline=train_pipeline,
        datasets=[_base_.pw3d, _base_.pw3d]))
val_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1)
default_hooks = dict(logger=dict(interval=1))
load_from = None
"""


def last_line(done):
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ('tool', 'arguments'),
    [
        ('train.py', [CONFIG]),
        ('test.py', [CONFIG, 'absent.pth']),
        (
            'demo.py',
            [
                'photo.png',
                '--whole-image',
                '--out-dir',
                'out',
                '--model',
                'cliff_r50_published-1xb48-5e_pw3d-256x192',
                '--weights',
                'absent.pth',
            ],
        ),
        ('deployment/export_onnx.py', [CONFIG, 'absent.pth', '--out', 'model.onnx']),
        ('analysis_tools/benchmark_inference.py', [CONFIG]),
        ('analysis_tools/get_flops.py', [CONFIG]),
        ('analysis_tools/browse_dataset.py', [CONFIG]),
        (
            'analysis_tools/eval_metric.py',
            ['absent.npz', '--protocol', '3dpw', '--body-model', 'data/body_models/smpl'],
        ),
    ],
)
def test_without_smpl_a_tool_ends_at_once_and_says_what_to_do(tool, arguments, run_tool, tmp_path):
    """Neither data nor weights are there, and it is not they that are missed."""
    done = run_tool(tool, *arguments, cwd=tmp_path, check=False)
    sentence = last_line(done)
    assert sentence.startswith(f'error: {ABSENT}') and '--body-model open' in sentence
    assert 'Traceback' not in done.stderr
    assert not list(tmp_path.rglob('*.log'))  # no run has begun


def test_without_smpl_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for make, config in (
        (init_model, CONFIG),
        (MultiRoIInferencer, 'cliff_r50_published-1xb48-5e_pw3d-256x192'),
    ):
        with pytest.raises(FileNotFoundError, match=ABSENT):
            make(config, 'absent.pth')
        with pytest.raises(FileNotFoundError, match='absent.pth does not exist'):
            make(config, 'absent.pth', body_model='open')
    assert build_model(CONFIG, body_model='open').body_model.is_open


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A user's folder with a config, a little of 3DPW and a network's weights."""
    folder = tmp_path_factory.mktemp('real')
    photos = folder / 'data' / 'datasets' / 'pw3d'
    make_dataset(photos, StudioSettings('easy', 96, 0), 2, 0, workers=1, progress=False)
    people = HumanData.fromfile(photos / 'train.npz')
    people['meta'] = dict(gender=['f'] * people.data_len)
    for split in ('train', 'test'):
        people.dump(folder / f'data/preprocessed_datasets/pw3d_{split}.npz')
    (folder / 'tiny.py').write_text(TINY)
    model = build_model(folder / 'tiny.py', body_model='open')
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'weights.pth')
    return folder


def test_a_training_on_the_open_body_warns_in_its_log(folder, run_tool):
    run_tool('train.py', 'tiny.py', '--work-dir', 'open', '--body-model', 'open', cwd=folder)
    (log,) = (folder / 'open').glob('*/*.log')
    (warning,) = [line for line in log.read_text().splitlines() if 'WARNING' in line and 'open body' in line]
    assert 'trained on pw3d: parameters of SMPL mean other people' in warning and '--body-model' in warning
    run = Config.fromfile(folder / 'open' / 'tiny.py')
    bodies = [run.model.body_model, run.val_evaluator.body_model, run.test_evaluator.body_model]
    assert bodies == [dict(type='SMPL', model_path='open')] * 3
    assert 'data/body_models' not in run.pretty_text


def evaluate(folder, run_tool, *arguments):
    done = run_tool(
        'test.py', 'tiny.py', 'weights.pth', '--work-dir', 'test', '--out', 'out.json', *arguments, cwd=folder
    )
    return done.stderr, json.loads((folder / 'out.json').read_text())['3dpw/PVE']


def test_smpl_in_its_place_and_the_open_body_instead(folder, run_tool, write_smpl):
    printed, on_open_body = evaluate(folder, run_tool, '--body-model', 'open')
    assert printed.count('UserWarning: protocol "3dpw" is measured on the open body') == 1
    place = write_smpl(folder / 'data' / 'body_models' / 'smpl')
    printed, on_smpl = evaluate(folder, run_tool)
    # Its neutral body is the open one, but the labels' female body is a tenth smaller.
    assert 'not comparable' not in printed and abs(on_smpl - on_open_body) > 1
    (place / 'SMPL_MALE.pkl').unlink()
    done = run_tool('test.py', 'tiny.py', 'weights.pth', cwd=folder, check=False)
    assert 'no body model at data/body_models/smpl/SMPL_MALE.pkl' in last_line(done)
