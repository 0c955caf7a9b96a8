"""Checkpoints that refer to the file of their backbone."""

import pytest
import torch
from mmengine.runner import load_checkpoint
from safetensors.torch import save_file

from mmroi.apis import load_weights
from mmroi.fileio import write_checkpoint
from mmroi.models import MoveNetBackbone
from mmroi.models.estimators import leave_out_backbone
from mmroi.registry import MODELS

pytestmark = pytest.mark.usefixtures('mmroi_scope')
CROPS = torch.zeros(1, 1, 3, 64, 64)


def estimator(weights, seed=1):
    torch.manual_seed(seed)
    init_cfg = weights and dict(type='Pretrained', checkpoint=str(weights))
    return MODELS.build(
        dict(
            type='MeshEstimator',
            num_rois=1,
            encoder=dict(
                type='MultiRoIEncoder',
                backbone=dict(type='MoveNetBackbone', variant='lightning', init_cfg=init_cfg),
                neck=dict(type='GridNeck', out_channels=16, channels=2),
                frozen_stages=4,
            ),
            head=dict(type='CLIFFHead', hidden_channels=(8, 8)),
            body_model=dict(type='SMPL'),
        )
    ).eval()


@pytest.fixture
def weights(tmp_path):
    """A file of a backbone in half precision."""
    torch.manual_seed(7)
    state = {name: value.half() for name, value in MoveNetBackbone('lightning').state_dict().items()}
    save_file(state, tmp_path / 'backbone.safetensors')
    return tmp_path / 'backbone.safetensors'


@pytest.fixture
def published(tmp_path, weights):
    """A trained model, and its checkpoint without the backbone."""
    trained = estimator(weights)
    trained.encoder.backbone.init_weights()
    referring = {
        name: value.half()
        for name, value in leave_out_backbone(trained.state_dict()).items()
        if value.is_floating_point()
    }
    referring['encoder.backbone_sha256'] = leave_out_backbone(trained.state_dict())['encoder.backbone_sha256']
    return trained, write_checkpoint(tmp_path / 'heads.pth', referring, {})


def test_it_is_small(weights, published):
    assert published[1].stat().st_size < weights.stat().st_size / 10


@pytest.mark.parametrize('load', [load_weights, lambda model, path: load_checkpoint(model, str(path))])
def test_loading_reads_the_backbone_from_its_file(weights, published, load):
    trained, path = published
    loaded = estimator(weights, seed=2)
    assert not torch.allclose(loaded.encoder(CROPS), trained.encoder(CROPS))
    load(loaded, path)
    for name, value in trained.encoder.backbone.state_dict().items():
        assert torch.equal(loaded.encoder.backbone.state_dict()[name], value)
    torch.testing.assert_close(loaded.encoder(CROPS), trained.encoder(CROPS), atol=2e-3, rtol=2e-3)


def test_another_backbone_is_refused(weights, published, tmp_path):
    save_file(MoveNetBackbone('lightning').state_dict(), tmp_path / 'other.safetensors')
    with pytest.raises(ValueError, match=r'trained with another backbone than .*other\.safetensors'):
        load_weights(estimator(tmp_path / 'other.safetensors'), published[1])


def test_a_missing_file_or_config_is_named(weights, published, tmp_path):
    with pytest.raises(ValueError, match=r'leaves out the backbone: .*absent\.safetensors do not exist'):
        load_weights(estimator(tmp_path / 'absent.safetensors'), published[1])
    with pytest.raises(ValueError, match=r'set model\.encoder\.backbone\.init_cfg='):
        load_weights(estimator(None), published[1])
    several = estimator(None)
    several.encoder.backbone.init_cfg = [dict(type='Kaiming', layer='Conv2d')]  # as mmdet's ResNet has
    with pytest.raises(ValueError, match='use the config of the training'):
        load_weights(several, published[1])


def test_whole_checkpoints_load_as_ever(weights, tmp_path):
    trained = estimator(None)
    path = write_checkpoint(tmp_path / 'whole.pth', trained.state_dict(), {})
    loaded = estimator(weights, seed=2)
    load_weights(loaded, path)
    assert torch.equal(loaded.encoder(CROPS), trained.encoder(CROPS))
    with pytest.raises(ValueError, match='has no backbone'):
        leave_out_backbone({'head.weight': torch.zeros(1)})
