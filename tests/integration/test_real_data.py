"""A miniature of the paper's data, in MMHuman3D's layout: a mixture trains, every protocol evaluates.

The photos and their bodies are the studio's; the annotation files have the labels, conventions and gaps of
the real ones.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mmroi.fileio import HumanData
from mmroi.structures import CONVENTIONS, convert_keypoints
from mmroi.synthetic import StudioSettings, make_dataset

from ..tool_runner import run_tool

ROOT = Path(__file__).resolve().parents[2]
TRAINED = dict(h36m=8, mpi_inf_3dhp=2, coco=4, mpii=2)  # an epoch of 16, drawn 4 : 1 : 2 : 1
CONFIG = """
_base_ = [{bases}]
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
train_pipeline[-2].update(crop_size=(64, 48))
test_pipeline[-2].update(crop_size=(64, 48))
data_root = {root!r}
train_dataloader = dict(
    batch_size=4, num_workers=1, sampler=dict(epoch_size=16),
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
max_epochs = 2
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(logger=dict(interval=1))
log_processor = dict(window_size=1)
"""
TEST_CONFIG = """
_base_ = './tiny.py'
test_dataloader = dict(dataset=dict(
    dataset_name={name!r}, ann_file='preprocessed_datasets/{file}.npz',
    data_prefix=dict(img_path='datasets/{name}')))
test_evaluator = [dict(type='MeshMetric', **more) for more in {metrics!r}]
"""
H36M = [dict(protocol=f'h36m_p{i}', **more) for i in (1, 2) for more in ({}, dict(gt='dataset'))]
TESTS = dict(
    pw3d=('pw3d', 'pw3d_test', [dict(protocol=name) for name in ('3dpw', '3dpw_mmhuman3d', 'synthetic')]),
    h36m=('h36m', 'h36m_valid_protocol2', H36M),
    h36m_both=(
        'h36m',
        'h36m_valid_protocol1',
        [dict(protocol='h36m_p1'), dict(protocol='h36m_p2', other_cameras='skip')],
    ),
    mpi_inf_3dhp=('mpi_inf_3dhp', 'mpi_inf_3dhp_test', [dict(protocol='mpi_inf_3dhp')]),
)
CAMERA = {'camera_translation', 'depth'}
EVERYWHERE = {'MPJPE', 'PA-MPJPE', 'camera_spread'}
PCK = {'PCK', 'AUC', 'PA-PCK', 'PA-AUC'}


def tool(name, *arguments):
    done = run_tool(name, *arguments)
    return done.stdout + done.stderr


def named(people, keys, names, convention):
    """Annotations with the images of a data set, some keys, and their keypoints in a convention."""
    values = dict(config=convention, image_path=list(names))
    values.update({key: people[key] for key in ('bbox_xywh', *keys) if not key.startswith('keypoints')})
    for key in keys:
        if key.startswith('keypoints'):
            keypoints, mask = convert_keypoints(people[key], 'smpl_54', convention)
            values |= {key: keypoints, f'{key}_mask': mask.astype(np.uint8), f'{key}_convention': convention}
    return HumanData(values)


def without(mapping, *keys):
    return {key: value for key, value in mapping.items() if key not in keys}


def write_annotations(people, names, folder):
    """The files of the configs, as different as the real ones.

    Args:
        people: Of the studio, all labels in smpl_54.
        names: Photo of each person in each data set.
        folder: Of the annotation files.
    """
    smpl, everything = people['smpl'], ('keypoints2d', 'keypoints3d', 'smpl', 'misc')

    h36m = named(people, everything, names['h36m'], 'human_data')
    h36m.compress_keypoints_by_mask()
    for name in ('h36m_mosh_train', 'h36m_valid_protocol2'):
        h36m.dump(folder / f'{name}.npz', compress=True)
    other = '60457274', '54138969'
    h36m['image_path'] = [name.replace(*other) if i % 2 else name for i, name in enumerate(names['h36m'])]
    h36m.dump(folder / 'h36m_valid_protocol1.npz', compress=True)

    # No SMPL parameters, 17 joints, relative to the pelvis.
    flat = named(people, ('keypoints2d', 'keypoints3d'), names['mpi_inf_3dhp'], 'h36m')
    pelvis = CONVENTIONS['h36m'].index('pelvis_extra')
    relative = flat['keypoints3d'].copy()
    relative[..., :3] -= relative[:, pelvis : pelvis + 1, :3]
    HumanData({**flat, 'keypoints3d': relative}).dump(folder / 'mpi_inf_3dhp_train.npz')

    # The test set's parameters are unknown, too.
    HumanData({**flat, 'misc': people['misc']}).dump(folder / 'mpi_inf_3dhp_test.npz')

    # Pseudo-labels: a body without a place, 2D joints, no camera.
    coco = named(people, ('keypoints2d',), names['coco'], 'coco')
    coco['smpl'] = without(smpl, 'transl')
    coco.dump(folder / 'cliff_coco_train.npz')
    # Every second person has 2D joints only.
    mpii = named(people, ('keypoints2d',), names['mpii'], 'smpl_24')
    mpii['has_smpl'] = np.arange(people.data_len) % 2
    unknown = mpii['has_smpl'] == 0
    mpii['smpl'] = {
        key: np.where(unknown.reshape(-1, *[1] * (value.ndim - 1)), np.nan, value)
        for key, value in without(smpl, 'transl').items()
    }
    mpii.dump(folder / 'cliff_mpii_train.npz')

    pw3d = named(people, everything, names['pw3d'], 'human_data')
    pw3d['meta'] = dict(gender=[('m', 'f')[i % 2] for i in range(people.data_len)])
    pw3d.dump(folder / 'pw3d_test.npz')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder with ``data/`` and the configs."""
    folder = tmp_path_factory.mktemp('real')
    photos, data = folder / 'photos', folder / 'data'
    make_dataset(photos, StudioSettings('easy', 96, 0), 8, 0, workers=1, progress=False)
    people = HumanData.fromfile(photos / 'train.npz')
    names = {}
    for dataset in (*TRAINED, 'pw3d'):
        pattern = 'S9/S9_Walking.60457274_{}.jpg' if dataset == 'h36m' else 'photos/{}.jpg'
        names[dataset] = [pattern.format(Path(str(path)).stem) for path in people['image_path']]
        for path, name in zip(people['image_path'], names[dataset], strict=True):
            for file in (name, name.replace('60457274', '54138969')):
                target = data / 'datasets' / dataset / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(photos / str(path), target)
    write_annotations(people, names, data / 'preprocessed_datasets')
    base = ROOT / 'configs' / '_base_'
    parts = ('models/multi-roi_r18', 'datasets/mixture', 'schedules/adamw_one-cycle', 'default_runtime')
    bases = ', '.join(repr(str(base / f'{part}.py')) for part in parts)
    (folder / 'tiny.py').write_text(CONFIG.format(bases=bases, root=f'{data}/'))
    for name, (dataset, file, metrics) in TESTS.items():
        (folder / f'{name}.py').write_text(TEST_CONFIG.format(name=dataset, file=file, metrics=metrics))
    return folder


@pytest.fixture(scope='module')
def trained(folder):
    """Output of the training."""
    return tool('train.py', folder / 'tiny.py', '--work-dir', folder / 'run', '--body-model', 'open')


def test_mixture_trains_and_validates(folder, trained):
    rows = HumanData.fromfile(folder / 'photos' / 'train.npz').data_len
    share = ', '.join(f'{count} of {rows} rows of {name}' for name, count in TRAINED.items())
    (log,) = (folder / 'run').glob('*/*.log')
    assert f'An epoch of 16 draws {share}' in log.read_text()
    assert 'has the open body and is trained on coco, h36m, mpi_inf_3dhp, mpii: parameters of' in trained
    assert trained.count('protocol "3dpw" is measured on the open body') == 1
    (log,) = (folder / 'run').glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line for line in lines if 'loss' in line]
    assert [step['epoch'] for step in steps] == [1] * 4 + [2] * 4
    losses = {key for key in steps[0] if key.startswith('loss_')}
    assert {'loss_smpl', 'loss_keypoints3d', 'loss_keypoints2d', 'loss_camera', 'loss_contrastive'} <= losses
    assert np.isfinite([[step[key] for key in losses] for step in steps]).all()
    assert all(max(step[key] for step in steps) > 0 for key in losses)
    assert lines[-1]['3dpw/MPJPE'] > 0
    first, second = (
        torch.load(folder / 'run' / f'epoch_{i}.pth', map_location='cpu', weights_only=False) for i in (1, 2)
    )  # written by this test a moment ago
    assert any((first['state_dict'][key] != value).any() for key, value in second['state_dict'].items())


def evaluate(folder, name):
    out = folder / f'{name}.json'
    printed = tool(
        'test.py',
        folder / f'{name}.py',
        folder / 'run' / 'epoch_2.pth',
        '--work-dir',
        folder / f'test_{name}',
        '--out',
        out,
        '--body-model',
        'open',
    )
    for metric in TESTS[name][2]:
        suffix = '_dataset' if metric.get('gt') == 'dataset' else ''
        warning = f'protocol "{metric["protocol"]}{suffix}" is measured on the open body, which is not SMPL'
        assert printed.count(warning) == (metric['protocol'] != 'synthetic')
    metrics = {}
    for key, value in json.loads(out.read_text()).items():
        protocol, _, figure = key.partition('/')
        metrics.setdefault(protocol, {})[figure] = value
        assert np.isfinite(value) and value > 0, key
    assert all(figures['PA-MPJPE'] < figures['MPJPE'] for figures in metrics.values())
    return metrics


def test_3dpw_and_synthetic(folder, trained):
    metrics = evaluate(folder, 'pw3d')
    assert metrics.keys() == {'3dpw', '3dpw_mmhuman3d', 'synthetic'}
    for figures in metrics.values():
        assert figures.keys() == EVERYWHERE | CAMERA | {'PVE', 'orientation'}
    # The open body has one gender and so makes the three protocols one, but for the alignment of meshes.
    assert metrics['3dpw'] == pytest.approx(metrics['synthetic'])
    assert without(metrics['3dpw'], 'PVE') == pytest.approx(without(metrics['3dpw_mmhuman3d'], 'PVE'))
    assert metrics['3dpw']['PVE'] != pytest.approx(metrics['3dpw_mmhuman3d']['PVE'], rel=1e-3)
    (validated,) = (folder / 'run').glob('*/vis_data/scalars.json')
    last = json.loads(validated.read_text().splitlines()[-1])
    assert last['3dpw/MPJPE'] == pytest.approx(metrics['3dpw']['MPJPE'])


def test_human36m(folder, trained):
    metrics = evaluate(folder, 'h36m')
    assert metrics.keys() == {'h36m_p1', 'h36m_p2', 'h36m_p1_dataset', 'h36m_p2_dataset'}
    for figures in metrics.values():
        assert figures.keys() == EVERYWHERE | CAMERA | {'orientation'}
    # All photos are of protocol 2's camera.
    assert metrics['h36m_p1'] == pytest.approx(metrics['h36m_p2'])
    assert metrics['h36m_p1_dataset'] == pytest.approx(metrics['h36m_p2_dataset'])


def test_human36m_in_one_pass(folder, trained):
    both, frontal = evaluate(folder, 'h36m_both'), evaluate(folder, 'h36m')
    assert both.keys() == {'h36m_p1', 'h36m_p2'}
    # The same photos, half of them by the name of another camera.
    assert both['h36m_p1'] == pytest.approx(frontal['h36m_p1'])
    assert both['h36m_p2']['MPJPE'] != pytest.approx(both['h36m_p1']['MPJPE'], rel=1e-3)


def test_mpi_inf_3dhp(folder, trained):
    metrics = evaluate(folder, 'mpi_inf_3dhp')
    # Without SMPL labels there is no orientation and no place of the pelvis to compare with.
    assert metrics.keys() == {'mpi_inf_3dhp'} and metrics['mpi_inf_3dhp'].keys() == EVERYWHERE | PCK
