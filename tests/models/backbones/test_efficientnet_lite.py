import numpy as np
import pytest
import torch

from mmroi.models import EfficientNetLite0
from mmroi.models.backbones.efficientnet_lite_conversion import fold_batch_norms
from mmroi.registry import MODELS

pytestmark = pytest.mark.usefixtures('mmroi_scope')


def test_it_computes_what_the_package_computes(lite_reference):
    network = MODELS.build(dict(type='EfficientNetLite0')).eval()
    network.load_state_dict(fold_batch_norms(lite_reference.make_state()), strict=True)
    with torch.no_grad():
        (last,) = network(lite_reference.IMAGE)
    expected = np.load(lite_reference.DATA)['last']
    assert expected.shape == (80, 2, 3) and expected.max() == 6
    np.testing.assert_allclose(last[0, ::16], expected, atol=2e-4)


def test_channels_strides_and_parameters():
    network = EfficientNetLite0(out_indices=(0, 1, 2, 3))
    assert network.out_channels == [24, 40, 112, 1280]
    assert sum(p.numel() for p in network.parameters()) == 3_350_000
    maps = network(torch.zeros(1, 3, 64, 96))
    assert [m.shape[2:] for m in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]


@pytest.mark.parametrize('stages, blocks', [(1, 3), (2, 5), (3, 11)])
def test_frozen_stages_end_where_the_stride_doubles(stages, blocks):
    network = EfficientNetLite0(frozen_stages=stages)
    frozen = [not any(p.requires_grad for p in block.parameters()) for block in network.blocks]
    assert frozen == [i < blocks for i in range(16)]
