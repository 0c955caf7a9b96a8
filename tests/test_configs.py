"""Every config in ``configs/`` fits together: loader, network, losses, optimizer and metric."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmroi.engine.body_model import dicts_in, use_body_model
from mmroi.engine.pipelines import load_config, read_crops, set_crops
from mmroi.registry import DATASETS, METRICS, MODELS
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob('configs/[!_]*/*.py'))
ABLATED = ROOT / 'configs/ablation/multi-roi_r50_1xb48-25e_coco-256x192.py'
every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('photos')
    make_dataset(folder, StudioSettings('easy', 96, 0), 2, 2, workers=1, progress=False)
    return str(folder)


def small_crop(cfg: Config) -> tuple[int, int]:
    """Return height and width of the smallest crops that the backbone, and a grid behind it, can take."""
    backbone = cfg.model.encoder.backbone.type
    if 'HRNet' in backbone:
        return 64, 64
    height = 128 if 'MoveNet' in backbone or 'EfficientNet' in backbone else 64
    rows, columns = read_crops(cfg.val_dataloader).crop_size
    return height, height * columns // rows


def read_from(loader: dict, folder: str, ann_file: str, crop_size: tuple[int, int]) -> None:
    """Let every data set of a loader read one file, in small crops; in this process, two people at a time."""
    set_crops(loader, crop_size=crop_size)
    for part in dicts_in(loader):
        if 'data_root' in part:
            part.data_root = folder
        if 'ann_file' in part:
            part.update(ann_file=ann_file, data_prefix=dict(img_path=''))
        if 'context_size' in part:
            part.context_size = (128, 128)
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)


@every_config
def test_one_training_step_and_evaluation(path, photos):
    cfg = load_config(path)
    use_body_model(cfg, 'open')
    init_default_scope(cfg.default_scope)
    if path.parent.name == 'ablation' and path != ABLATED:
        cfg.model.encoder.backbone.base_channels = 8  # its encoder is that of ABLATED: test_config_claims.py
    crop_size = small_crop(cfg)
    read_from(cfg.train_dataloader, photos, 'train.npz', crop_size)
    read_from(cfg.val_dataloader, photos, 'val.npz', crop_size)
    train = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    val = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    model, metric = MODELS.build(cfg.model), METRICS.build(cfg.val_evaluator)

    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    losses = model.train().train_step(next(iter(train)), optim_wrapper)
    assert set(losses) == {f'loss_{name}' for name, loss in cfg.model.losses.items() if loss} | {'loss'}
    assert all(loss.isfinite() for loss in losses.values())
    # The optimizer has met a gradient for each trained weight: several processes would wait for one without.
    assert set(optim_wrapper.optimizer.state) == {w for w in model.parameters() if w.requires_grad}

    metric.dataset_meta = val.dataset.metainfo
    with torch.no_grad():
        samples = model.eval().val_step(next(iter(val)))
    metric.process({}, [sample.to_dict() for sample in samples])
    figures = metric.evaluate(2)
    assert np.isfinite(list(figures.values())).all()
    # CheckpointHook(save_best='auto') goes by the first.
    assert list(figures)[0] == f'{cfg.val_evaluator.protocol}/MPJPE'


@every_config
def test_without_data_the_error_tells_what_makes_it(path, tmp_path):
    cfg = load_config(path)
    use_body_model(cfg, 'open')
    init_default_scope(cfg.default_scope)
    for part in dicts_in(cfg.train_dataloader.dataset):
        if 'data_root' in part:
            part.data_root = str(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match=r'nowhere.*mmroi (make-synthetic|convert).*docs/data\.md'):
        DATASETS.build(cfg.train_dataloader.dataset)
