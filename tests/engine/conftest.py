import random

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset


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
