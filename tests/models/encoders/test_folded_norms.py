import logging

import pytest
import torch
from torch import nn

from mmroi.models import MultiRoIEncoder, SharedMapEncoder
from mmroi.models.encoders.folded_norms import fold_norms
from mmroi.registry import MODELS

CROPS = torch.randn(2, 2, 3, 64, 32, generator=torch.Generator().manual_seed(0))


BOXES = torch.tensor([[0.0, 0.0, 90.0], [10.0, 5.0, 70.0]], dtype=torch.float64).expand(2, -1, -1)
NECKS = [
    None,
    dict(type='BranchDownsampler', in_channels=(4, 8, 16, 32)),
    dict(type='HRNetClassificationNeck', in_channels=(4, 8, 16, 32), channels=(4, 4, 4, 4), out_channels=16),
]


def trained(kind=MultiRoIEncoder, **options):
    """An encoder whose norms have statistics, scales and shifts of their own."""
    encoder = kind(**options).eval()
    generator = torch.Generator().manual_seed(1)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.5, 2.0),
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.3, 0.3),
            ):
                tensor.uniform_(low, high, generator=generator)
    return encoder


def num_norms(encoder):
    return sum(isinstance(module, nn.BatchNorm2d) for module in encoder.modules())


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('depth', [18, 50])
@torch.no_grad()
def test_resnet(depth, channels_last):
    backbone = dict(type='mmdet.ResNet', depth=depth, base_channels=8)
    encoder = trained(backbone=backbone, channels_last=channels_last)
    expected, names = encoder(CROPS), set(encoder.state_dict())
    folded = fold_norms(encoder)
    assert num_norms(folded) == 0 < num_norms(encoder)
    torch.testing.assert_close(folded(CROPS), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert set(encoder.state_dict()) == names and not any(p.requires_grad for p in folded.parameters())


@pytest.mark.parametrize('neck', NECKS, ids=['no neck', 'strided', 'classification'])
@torch.no_grad()
def test_hrnet(neck, hrnet_config):
    """Stem, branches, transitions and fuse layers."""
    encoder = trained(backbone=hrnet_config(), neck=neck, pool='concat')
    expected = encoder(CROPS)
    folded = fold_norms(encoder)
    assert num_norms(folded) == 0 < num_norms(encoder)
    torch.testing.assert_close(folded(CROPS), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize('stage', [3, 4])
@torch.no_grad()
def test_one_crop_for_all_rois(stage, hrnet_config):
    """Also where the stages of HRNet are called one by one."""
    options = dict(backbone=hrnet_config(), pool='concat', crop_size=(64, 32), roi_stage=stage)
    encoder, crops = trained(SharedMapEncoder, **options), CROPS[:, :1]
    expected = encoder(crops, BOXES)
    folded = fold_norms(encoder)
    assert num_norms(folded) == 0 and type(folded) is SharedMapEncoder
    torch.testing.assert_close(
        folded(crops, BOXES), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )


def test_nothing_to_fold():
    encoder = MultiRoIEncoder(dict(type='MoveNetBackbone', variant='lightning'))
    assert fold_norms(encoder) is encoder


@MODELS.register_module()
class NormsInAnotherOrder(nn.Module):
    """Calls its norms in another order than the one in which it registers them."""

    out_channels = 4

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, images):
        return self.second(self.norm(self.first(images)))


def test_a_fold_that_would_change_the_features_is_left_out(caplog):
    encoder = trained(backbone=dict(type='NormsInAnotherOrder'))
    with caplog.at_level(logging.WARNING):
        assert fold_norms(encoder) is encoder and num_norms(encoder) == 1
