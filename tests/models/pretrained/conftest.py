import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmroi.registry import MODELS


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmroi')


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """Torch's cache of files from the net, empty."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    return tmp_path / 'torch/hub/checkpoints'


@pytest.fixture
def resnet():
    """Build a ResNet of few channels; its names are those of the full one."""

    def make(depth=18, **kwargs):
        return MODELS.build(dict(type='mmdet.ResNet', depth=depth, base_channels=4, **kwargs))

    return make


@pytest.fixture
def hrnet():
    """Build an HRNet of few channels and blocks, but of as many modules in stage 4 as W32 and W48 have."""
    stages = {
        f'stage{i}': dict(
            num_modules=3 if i == 4 else 1,
            num_branches=i,
            block='BASIC',
            num_blocks=(1,) * i,
            num_channels=tuple(4 * 2**b for b in range(i)),
        )
        for i in (2, 3, 4)
    }
    stem = dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(8,))

    def make(**kwargs):
        return MODELS.build(dict(type='mmdet.HRNet', extra=dict(stage1=stem, **stages), **kwargs))

    return make


@pytest.fixture
def mmpose_file(tmp_path):
    """Write a checkpoint as MMPose 1.x does, with its names and the arrays of its ``meta``."""

    def write(backbone, head=('head.final_layer.weight', 'head.final_layer.bias'), leave_out=()):
        state = {
            f'backbone.{name}': value
            for name, value in backbone.state_dict().items()
            if not name.startswith(tuple(leave_out))
        }
        state |= {name: torch.ones(17) for name in head}
        path = tmp_path / 'td-hm.pth'
        torch.save(
            dict(
                state_dict=state,
                meta=dict(
                    mmengine_version='0.4.0',
                    dataset_meta=dict(
                        dataset_name='coco',
                        sigmas=np.full(17, 0.05, np.float32),
                        keypoint_colors=np.zeros((17, 3), np.uint8),
                        flip_indices=[0, 2, 1],
                        upper_body_ids=[0],
                        keypoint_id2name={0: 'nose'},
                    ),
                ),
            ),
            path,
        )
        return path

    return write
