from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope

from mmroi.engine.schedules import count_iterations, simulate_schedule
from mmroi.fileio import HumanData
from mmroi.synthetic import StudioSettings, make_dataset

CONFIGS = Path(__file__).parents[2] / 'configs'


def test_iterations_of_an_epoch():
    cfg = Config(dict(train_dataloader=dict(batch_size=10)))
    assert [count_iterations(cfg, size, 2) for size in (19, 20, 21)] == [1, 1, 2]
    cfg.train_dataloader.drop_last = True
    assert [count_iterations(cfg, size, 2) for size in (20, 39)] == [1, 1]


def test_iterations_of_real_data_need_no_body(tmp_path):
    """The config names SMPL files, which do not exist; its dataset is only counted."""
    make_dataset(tmp_path, StudioSettings('easy', 96, 0), 3, 0, workers=1, progress=False)
    cfg = Config.fromfile(CONFIGS / 'multi_roi' / 'multi-roi_r50_finetune-1xb48-5e_pw3d-256x192.py')
    init_default_scope(cfg.default_scope)
    cfg.train_dataloader.update(batch_size=1, num_workers=0)
    cfg.train_dataloader.dataset.update(
        data_root=str(tmp_path), ann_file='train.npz', data_prefix=dict(img_path='')
    )
    before = cfg.to_dict()
    assert count_iterations(cfg) == HumanData.fromfile(tmp_path / 'train.npz').data_len
    assert cfg.to_dict() == before


def test_values_of_each_iteration():
    cfg = Config(
        dict(
            train_cfg=dict(by_epoch=True, max_epochs=3),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1.0, momentum=0.9)),
            param_scheduler=[
                dict(type='LinearLR', start_factor=0.5, by_epoch=False, end=2),
                dict(type='MultiStepLR', milestones=[2], gamma=0.1),
            ],
        )
    )
    assert simulate_schedule(cfg, 'lr', 2) == pytest.approx([0.5, 1, 1, 1, 0.1, 0.1])
    assert simulate_schedule(cfg, 'momentum', 1) == [0.9] * 3


def test_models_can_be_initialized_after_a_simulation():
    """MMEngine writes what it initializes to the log files of its current logger."""
    cfg = Config(
        dict(
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1.0)),
        )
    )
    assert simulate_schedule(cfg, 'lr', 2) == [1.0, 1.0]
    model = BaseModule(init_cfg=dict(type='Constant', layer='Linear', val=0))
    model.layer = torch.nn.Linear(1, 1)
    model.init_weights()
    assert model.layer.weight.item() == 0
