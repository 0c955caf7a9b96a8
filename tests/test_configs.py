"""Every config in ``configs/`` fits together: loader, network and losses."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmroi.datasets.synthetic import StudioSettings, make_dataset
from mmroi.registry import DATASETS, METRICS, MODELS

CONFIGS = sorted(path for path in Path(__file__).parents[1].glob('configs/[!_]*/*.py'))


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('photos')
    make_dataset(folder, StudioSettings('easy', 96, 0), 2, 2, workers=1, progress=False)
    return str(folder)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_learns_from_its_own_pipeline(path, photos):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    cfg.train_dataloader.dataset.data_root = cfg.val_dataloader.dataset.data_root = photos
    train, val = DATASETS.build(cfg.train_dataloader.dataset), DATASETS.build(cfg.val_dataloader.dataset)
    model, metric = MODELS.build(cfg.model), METRICS.build(cfg.val_evaluator)

    batch = model.data_preprocessor(pseudo_collate([train[0], train[1]]), training=True)
    losses = model(**batch, mode='loss')
    assert set(losses) == {f'loss_{name}' for name, loss in cfg.model.losses.items() if loss is not None}
    assert all(loss.isfinite() for loss in losses.values())

    metric.dataset_meta = val.metainfo
    with torch.no_grad():
        samples = model.eval()(**model.data_preprocessor(pseudo_collate([val[0], val[1]])), mode='predict')
    metric.process({}, [sample.to_dict() for sample in samples])
    figures = metric.evaluate(2)
    assert np.isfinite(list(figures.values())).all() and 'synthetic/MPJPE' in figures


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_without_data_the_error_tells_what_makes_it(path, tmp_path):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='make_synthetic'):
        DATASETS.build(cfg.train_dataloader.dataset)
