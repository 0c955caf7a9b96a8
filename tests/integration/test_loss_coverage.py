"""Files as their makers publish them, trained together as a user does: a table, or an error that helps."""

import re
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from mmroi.fileio import HumanData
from mmroi.structures import convert_keypoints
from mmroi.synthetic import StudioSettings, make_dataset

from ..tool_runner import run_tool

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
_base_ = [{bases}]
pipeline = _base_.train_pipeline
pipeline[-2].update(crop_size=(64, 48))
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    sampler=dict(ratios=[1] * len({names!r})),
    dataset=dict(
        _delete_=True, type='MixedDataset', data_root={root!r}, data_prefix=dict(img_path='photos'),
        body_model={body_model!r}, pipeline=pipeline,
        datasets=[dict(type='HumanImageDataset', ann_file=f'{{name}}.npz') for name in {names!r}]))
max_epochs = 1
param_scheduler = []
train_cfg = dict(_delete_=True, by_epoch=True, max_epochs=1)
val_cfg = val_dataloader = val_evaluator = None
default_hooks = dict(logger=dict(interval=1), checkpoint=None)
"""
SETS = ('h36m_mosh', 'h36m_joints', 'cliff_coco', 'pw3d')


def keypoints(people: HumanData, convention: str) -> dict:
    found = {}
    for key in ('keypoints2d', 'keypoints3d'):
        values, mask = convert_keypoints(people[key], 'smpl_54', convention)
        found |= {key: values, f'{key}_mask': mask.astype(np.uint8), f'{key}_convention': convention}
    return found


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, import_mmhuman3d) -> Path:
    """Photos of the studio, and files with the labels of Human3.6M with and without SMPL, CLIFF and 3DPW."""
    folder = tmp_path_factory.mktemp('coverage')
    make_dataset(folder / 'photos', StudioSettings('easy', 96, 0), 6, 0, workers=1, progress=False)
    people = HumanData.fromfile(folder / 'photos' / 'train.npz')
    rows = people.data_len
    rows_of = {key: people[key] for key in ('image_path', 'bbox_xywh')}
    body = {key: value for key, value in people['smpl'].items() if key != 'transl'}
    joints = {**rows_of, **keypoints(people, 'h36m')}
    HumanData({**joints, 'smpl': body}).dump(folder / 'h36m_mosh.npz')
    HumanData(joints).dump(folder / 'h36m_joints.npz')
    # CLIFF, SPIN: 24 joints, in space relative to the pelvis.
    cliff = {**rows_of, 'smpl': body, **keypoints(people, 'smpl_24')}
    cliff['keypoints3d'][..., :3] -= people['keypoints3d'][:, :1, :3]
    HumanData(cliff).dump(folder / 'cliff_coco.npz')
    HumanData(rows_of).dump(folder / 'nothing.npz')

    theirs = import_mmhuman3d('data.data_structures.human_data').HumanData
    theirs.set_logger('silent')
    pw3d = theirs.new(key_strict=False)
    pw3d['image_path'] = [str(path) for path in people['image_path']]
    pw3d['bbox_xywh'] = np.asarray(people['bbox_xywh'])
    pw3d['smpl'] = people['smpl']
    pw3d['meta'] = dict(gender=np.array(['m'] * rows))
    f, c = people['misc']['focal_length'], people['misc']['principal_point']
    pw3d['cam_param'] = [
        dict(in_mat=[[f[i], 0, c[i, 0]], [0, f[i], c[i, 1]], [0, 0, 1]], H=96, W=96) for i in range(rows)
    ]
    pw3d['config'] = 'pw3d'
    pw3d.dump(str(folder / 'pw3d.npz'))
    yield folder
    shutil.rmtree(folder)


def train(folder: Path, name: str, sets: tuple[str, ...], body_model: dict | None) -> CompletedProcess:
    base = ROOT / 'configs' / '_base_'
    parts = ('models/multi-roi_r18', 'datasets/mixture', 'schedules/adamw_one-cycle', 'default_runtime')
    bases = ', '.join(repr(str(base / f'{part}.py')) for part in parts)
    config = CONFIG.format(bases=bases, root=f'{folder}/', names=sets, body_model=body_model)
    (folder / f'{name}.py').write_text(config)
    return run_tool('train.py', folder / f'{name}.py', '--work-dir', folder / name, check=False)


def test_table_in_the_log(folder: Path) -> None:
    done = train(folder, 'good', SETS, dict(type='SMPL'))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    log = next((folder / 'good').glob('*/*.log')).read_text()
    rows = str(HumanData.fromfile(folder / 'h36m_joints.npz').data_len)
    _, table = log.split('People with labels, and how many each loss can use')[1].split('\n', 1)
    header, *lines = table.splitlines()[: 1 + len(SETS)]
    losses = re.split('  +', header)[5:]
    counts = {line.split()[0]: dict(zip(losses, line.split()[5:], strict=True)) for line in lines}
    assert tuple(counts) == SETS
    for name, count in counts.items():
        assert count['smpl'] == ('0' if name == 'h36m_joints' else rows)
        # MMHuman3D's file of 3DPW has no keypoints: they are derived.
        assert count['keypoints3d'] == count['keypoints2d'] == rows
        assert count['camera'] == count['contrastive'] == 'all'
    assert f'derived from SMPL in {rows} rows: 2D keypoints of {rows}' in log
    assert log.index('People with labels') < log.index('Epoch(train)')


def test_error_before_the_first_step(folder: Path) -> None:
    done = train(folder, 'bad', ('h36m_joints', 'nothing'), None)
    assert done.returncode != 0 and 'Epoch(train)' not in done.stdout + done.stderr
    assert "the loss 'smpl' (SMPLParameterLoss), which needs SMPL parameters, can use nobody" in done.stderr
    assert re.search(r'dataset nothing \(.*nothing\.npz\) has \d+ people, of whom 0 have 2D', done.stderr)
    assert '`body_model`' in done.stderr


def test_without_body_3dpw_of_mmhuman3d_feeds_its_parameters_alone(folder: Path) -> None:
    done = train(folder, 'plain', ('pw3d',), None)
    assert done.returncode != 0
    for loss in ('keypoints2d', 'keypoints3d'):
        assert re.search(
            rf"the loss '{loss}' \(.*can use nobody of any dataset: pw3d \(.*pw3d\.npz\) has "
            r'\d+ people, of whom 0 have',
            done.stderr,
        )
