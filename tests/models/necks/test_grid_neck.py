import pytest
import torch

from mmroi.models import GridNeck, MultiRoIEncoder


@pytest.fixture
def neck():
    torch.manual_seed(0)
    return GridNeck((4, 6), grid=(4, 3), channels=5, out_channels=7).eval()


def test_cells_are_averages_of_the_last_map(neck):
    (cells,) = neck.reduce(
        [torch.zeros(2, 4, 16, 12), torch.arange(48.0).reshape(1, 1, 8, 6).expand(2, 6, 8, 6)]
    )
    assert cells.shape == (2, 6, 4, 3)
    assert cells[0, 0, 0, 0] == (0 + 1 + 6 + 7) / 4
    assert cells[0, 0, 3, 2] == (40 + 41 + 46 + 47) / 4


def test_the_grid_equals_the_whole_map(neck):
    maps = [torch.zeros(2, 4, 16, 12), torch.randn(2, 6, 8, 6)]
    (vector,) = neck(maps)
    assert vector.shape == (2, 7, 1, 1)
    torch.testing.assert_close(neck(neck.reduce(maps))[0], vector)


def test_it_sees_where_things_are(neck):
    seen, elsewhere = torch.zeros(2, 1, 6, 8, 6)
    seen[..., 0, 0] = 1.0
    elsewhere[..., 7, 5] = 1.0
    assert seen.mean() == elsewhere.mean()
    assert not torch.allclose(neck([seen])[0], neck([elsewhere])[0])


def test_it_computes_in_float32_under_autocast(neck):
    maps = [torch.randn(1, 6, 8, 6)]
    with torch.autocast('cpu', torch.bfloat16):
        under_autocast = neck(maps)[0]
    assert under_autocast.dtype == torch.float32
    assert torch.equal(under_autocast, neck(maps)[0])


def test_other_maps_are_refused(neck):
    with pytest.raises(ValueError, match=r'in_channels is \(4, 6\), but the backbone gives 1 maps of \(3,\)'):
        neck([torch.zeros(1, 3, 8, 6)])


def test_behind_a_backbone():
    encoder = MultiRoIEncoder(
        dict(type='MoveNetBackbone', variant='lightning', frozen_stages=4),
        neck=dict(type='GridNeck', out_channels=32),
        crop_size=(64, 64),
    )
    features = encoder(torch.zeros(1, 2, 3, 64, 64))
    assert features.shape == (1, 2, 32) and encoder.out_channels == 32
    features.sum().backward()
    assert encoder.neck.fc.weight.grad is not None
    assert all(p.grad is None and not p.requires_grad for p in encoder.backbone.parameters())
