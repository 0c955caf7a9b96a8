from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmroi.datasets import HumanImageDataset, MixedDataset, MixtureSampler
from mmroi.fileio import HumanData
from mmroi.registry import DATASETS, MODELS

MODEL = Path(__file__).parents[2] / 'configs' / '_base_' / 'models' / 'multi-roi_r18.py'
FLAGS = ('has_smpl', 'has_keypoints2d', 'has_keypoints3d', 'has_transl')


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope('mmroi')


@pytest.fixture
def sets(people: HumanData, data_root: Path) -> list[dict]:
    """Set that differ in their labels: all, 2D keypoints, SMPL without keypoints, and some rows of each."""

    def without(*names: str) -> dict:
        return {key: people[key] for key in people if not key.startswith(names)}

    partly = dict(people)
    labeled = np.arange(8) % 2 == 0
    partly['has_smpl'] = labeled
    partly['smpl'] = {
        name: np.where(labeled.reshape(-1, *[1] * (value.ndim - 1)), value, np.nan)
        for name, value in people['smpl'].items()
    }
    for key in ('keypoints2d', 'keypoints3d'):
        values = partly[key].copy()
        values[labeled, :, -1] = 0
        values[labeled, :, :-1] = np.nan
        partly[key] = values
    HumanData(without('smpl', 'keypoints3d', 'misc')).dump(data_root / 'flat.npz')
    HumanData(without('keypoints')).dump(data_root / 'bodies.npz')
    HumanData(partly).dump(data_root / 'partly.npz')
    return [
        dict(type='HumanImageDataset', ann_file=f'{name}.npz')
        for name in ('people', 'flat', 'bodies', 'partly')
    ]


def _pipeline() -> list[dict]:
    return [
        dict(type='LoadImage'),
        dict(type='GetPersonBox'),
        dict(type='RandomCameraRoll'),
        dict(type='RandomMirror'),
        dict(type='RandomBoxScale'),
        dict(type='RandomChannelNoise'),
        dict(type='MultiRoICrop', num_rois=5, crop_size=(64, 48)),
        dict(type='PackHMRInputs'),
    ]


def _mixed(sets: list[dict], root: Path, **kwargs: object) -> MixedDataset:
    return DATASETS.build(dict(type='MixedDataset', datasets=sets, data_root=str(root), **kwargs))


def test_shared_arguments_and_ones_own(sets: list[dict], data_root: Path) -> None:
    sets[1]['pipeline'] = [dict(type='LoadImage')]
    sets[2]['dataset_name'] = 'b'
    dataset = _mixed(sets, data_root, pipeline=_pipeline())
    assert len(dataset) == 32 and dataset.metainfo == dict(convention='smpl_54')
    assert [part.dataset_name for part in dataset.datasets] == ['people', 'flat', 'b', 'partly']
    assert dataset[0]['inputs'].shape == (5, 3, 64, 48)
    assert dataset[8]['img'].shape == (240, 320, 3)
    info = dataset.get_data_info(17)
    assert info['dataset_name'] == 'b' and info['row'] == 1


def test_sets_already_built_and_lazy_ones(sets: list[dict], data_root: Path) -> None:
    built = HumanImageDataset('people.npz', str(data_root), indices=3)
    assert len(MixedDataset([built, built])) == 6
    lazy = _mixed(sets, data_root, lazy_init=True)
    lazy.full_init()
    assert len(lazy) == 32


def test_absent_labels_are_zero_and_flagged(sets: list[dict], data_root: Path) -> None:
    dataset = _mixed(sets, data_root, pipeline=_pipeline())
    flags = [
        [float(dataset[i]['data_samples'].gt_instances[flag][0]) for flag in FLAGS]
        for i in (0, 8, 16, 24, 25)
    ]
    assert flags == [[1, 1, 1, 1], [0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0]]
    for i in range(32):
        info = dataset.get_data_info(i)
        for flag, name in (
            ('has_smpl', 'global_orient'),
            ('has_smpl', 'body_pose'),
            ('has_smpl', 'betas'),
            ('has_transl', 'pelvis'),
            ('has_keypoints2d', 'keypoints2d'),
            ('has_keypoints3d', 'keypoints3d'),
        ):
            assert info[flag] == info[name].any()
        labels = dataset[i]['data_samples'].gt_instances
        assert all(np.isfinite(labels[name]).all() for name in labels.keys())


def test_batches_of_different_labels_train(sets: list[dict], data_root: Path) -> None:
    """Through two workers and all losses: finite values and gradients, none where nothing is labeled."""
    cfg = Config.fromfile(MODEL).model
    cfg.encoder.init_cfg = None
    model = MODELS.build(cfg).train()
    dataset = _mixed(sets, data_root, pipeline=_pipeline())
    sampler = MixtureSampler(dataset, [1, 1, 1, 1], seed=0)
    loader = DataLoader(
        dataset,
        batch_size=16,
        sampler=sampler,
        num_workers=2,
        collate_fn=pseudo_collate,
        multiprocessing_context=get_context('fork'),
    )
    names = []
    for batch in loader:
        names += [sample.dataset_name for sample in batch['data_samples']]
        _check_step(model, batch)
    assert {name: names.count(name) for name in names} == dict(people=8, flat=8, bodies=8, partly=8)
    flat = _check_step(model, pseudo_collate([dataset[i] for i in range(8, 12)]))
    assert flat['loss_keypoints2d'] > 0 and flat['loss_smpl'] == flat['loss_keypoints3d'] == 0


def _check_step(model: torch.nn.Module, batch: dict) -> dict[str, float]:
    model.zero_grad()
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    sum(losses.values()).backward()
    assert all(loss.isfinite() for loss in losses.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    return {name: loss.item() for name, loss in losses.items()}


def test_bad_input(sets: list[dict], data_root: Path) -> None:
    with pytest.raises(ValueError, match='`datasets` is empty'):
        MixedDataset([])
    with pytest.raises(FileNotFoundError, match=r'none\.npz: no such annotation file'):
        _mixed([*sets, dict(type='HumanImageDataset', ann_file='none.npz')], data_root)
