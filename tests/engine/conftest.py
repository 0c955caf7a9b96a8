import random
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from safetensors.torch import save_file
from torch.utils.data import Dataset

from mmroi.registry import MODELS
from mmroi.synthetic import StudioSettings, make_dataset

FROZEN = dict(type='mmdet.ResNet', depth=18, base_channels=8, out_indices=(3,))
STEPS = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='RandomMirror', prob=0.5),
    dict(type='RandomBoxScale', factor=0.2),
    dict(type='MultiRoICrop', num_rois=2, crop_size=(64, 48)),
    dict(type='PackHMRInputs'),
]


@pytest.fixture(scope='session')
def cached_images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    make_dataset(folder, StudioSettings('easy', 96, 0), 9, 3, workers=1, progress=False)
    return folder


@pytest.fixture
def cfg(cached_images, tmp_path, monkeypatch):
    """A training of small heads on a frozen ResNet, with shards of four samples."""
    for module in ('feature_shards', 'cached_features'):
        monkeypatch.setattr(f'mmroi.datasets.{module}.SHARD_SIZE', 4)
    init_default_scope('mmroi')
    torch.manual_seed(1)
    save_file(MODELS.build(FROZEN).state_dict(), tmp_path / 'weights.safetensors')
    root = tmp_path / 'data'
    shutil.copytree(cached_images, root)

    def loader(name):
        dataset = dict(
            type='HumanImageDataset',
            ann_file=f'{name}.npz',
            data_root=str(root),
            pipeline=STEPS if name == 'train' else [STEPS[i] for i in (0, 1, 4, 5)],
            test_mode=name == 'val',
        )
        return dict(batch_size=3, num_workers=2, dataset=dataset)

    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.safetensors'))
    model = dict(
        type='MeshEstimator',
        num_rois=2,
        data_preprocessor=dict(type='HMRDataPreprocessor'),
        encoder=dict(
            type='MultiRoIEncoder',
            backbone=dict(**FROZEN, init_cfg=init_cfg),
            neck=dict(type='GridNeck', in_channels=(64,), grid=(2, 2), channels=4, out_channels=16),
            frozen_stages=4,
            norm_eval=True,
        ),
        fusion=dict(type='RoIAwareFusion'),
        head=dict(type='MultiRoIHead', hidden_channels=(16, 16)),
        projector=dict(type='ContrastiveProjector'),
        body_model=dict(type='SMPL'),
        losses=dict(
            smpl=dict(type='SMPLParameterLoss'),
            keypoints2d=dict(type='Keypoint2DLoss'),
            camera=dict(type='CameraConsistencyLoss'),
            contrastive=dict(type='ContrastiveLoss'),
        ),
    )
    return Config(
        dict(
            model=model,
            train_dataloader=loader('train'),
            val_dataloader=loader('val'),
            feature_cache=dict(variants=2, storage='float32', jobs=1),
        )
    )


class NoisyNumbers(Dataset):
    """Samples that use every source of randomness a transform can use."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        noise = random.random() + np.random.rand() + torch.rand(1).item()
        return torch.tensor([index + noise, 1.0])


class NoisyModel(BaseModel):
    """A regression with dropout."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 4)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, inputs, mode='tensor'):
        output = self.dropout(self.layer(inputs))
        return dict(loss=output.square().mean()) if mode == 'loss' else [output.detach()]


def collate(samples):
    return dict(inputs=torch.stack(samples))


def make_loader(**changes):
    config = dict(
        dataset=NoisyNumbers(),
        batch_size=2,
        num_workers=0,
        collate_fn=dict(type=collate),
        sampler=dict(type='DefaultSampler', shuffle=True),
    )
    return {**config, **changes}


@pytest.fixture
def loader():
    """A function that gives the config of the noisy numbers' loader."""
    return make_loader


@pytest.fixture
def make_runner(tmp_path):
    """A function that builds a runner of the noisy model, with a message hub of its own."""
    count = 0

    def make(work_dir=None, train_loader=None, max_epochs=4, seed=7, train_cfg=None, **options):
        nonlocal count
        count += 1
        torch.manual_seed(11)
        return Runner(
            model=NoisyModel(),
            default_scope='mmroi',
            experiment_name=f'{tmp_path.name}_{count}',
            work_dir=str(work_dir or tmp_path / f'run{count}'),
            train_dataloader=train_loader or make_loader(),
            log_level='ERROR',
            train_cfg=train_cfg or dict(by_epoch=True, max_epochs=max_epochs),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
            randomness=dict(seed=seed),
            **options,
        )

    return make
