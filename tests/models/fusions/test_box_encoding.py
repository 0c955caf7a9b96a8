import pytest
import torch

from mmroi.geometry import decode_box
from mmroi.models import Float32BoxEncoding, RoIAwareFusion
from mmroi.models.fusions.box_encoding import build_encoding

D = 6
FLOAT32 = dict(type='Float32BoxEncoding')


def test_boxes_of_the_released_networks_survive_the_way_through_pixels():
    encoded = 0.5 * torch.randn(1000, 5, 3, generator=torch.Generator().manual_seed(0))
    focal_length = torch.linspace(300, 3000, 1000, dtype=torch.float64)
    fusion = RoIAwareFusion(D, 5, encoding=FLOAT32)
    pixels = decode_box(encoded.double(), focal_length)
    assert torch.equal(fusion.encoding.normalize(pixels, focal_length), encoded)


def test_released_constants_are_part_of_the_state_and_used(rois):
    fusion = RoIAwareFusion(D, 3, encoding=FLOAT32)
    assert fusion.encoding.freqs.shape == fusion.encoding.phases.shape == (1, 64, 1)
    assert {'encoding.freqs', 'encoding.phases'} < set(fusion.state_dict())
    assert not any('encoding' in name for name in RoIAwareFusion(D, 3).state_dict())
    before = fusion(*rois())[2]
    fusion.load_state_dict(dict(fusion.state_dict(), **{'encoding.freqs': torch.zeros(1, 64, 1)}))
    assert not torch.equal(fusion(*rois())[2], before)


@pytest.mark.parametrize('config, dtype', [(None, torch.float64), (FLOAT32, torch.float32)])
def test_the_config_chooses_the_arithmetic(config, dtype):
    encoding = build_encoding(4, config)
    boxes, focal_length = torch.tensor([[[10.0, -20.0, 300.0]]]), torch.tensor([1000.0])
    normalized = encoding.normalize(boxes, focal_length)
    assert normalized.dtype == dtype and encoding(normalized).shape == (1, 1, encoding.out_channels)
    assert encoding.out_channels == 27 and isinstance(encoding, Float32BoxEncoding) == (config is not None)
