import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmroi.models import BranchDownsampler


def pyramid(channels=(3, 4, 5, 6), size=(2, 3), people=2):
    """Maps of halving resolution, finest first."""
    finest = len(channels) - 1
    return [
        torch.randn(people, c, size[0] * 2 ** (finest - i), size[1] * 2 ** (finest - i))
        for i, c in enumerate(channels)
    ]


@pytest.mark.parametrize('method', ['strided', 'bilinear'])
def test_all_maps_come_to_the_coarsest_size(method):
    maps = pyramid()
    resized = BranchDownsampler((3, 4, 5, 6), method)(maps)
    assert [tuple(m.shape) for m in resized] == [(2, c, 2, 3) for c in (3, 4, 5, 6)]
    torch.testing.assert_close(resized[-1], maps[-1])


def test_strided_is_a_chain_of_convolutions():
    neck = BranchDownsampler((3, 4, 5, 6)).train()
    for module in neck.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight)
            nn.init.normal_(module.bias)
    weights = neck.state_dict()
    maps = pyramid()
    for i, feature in enumerate(maps[:-1]):
        expected = feature
        for j in range(3 - i):
            expected = F.conv2d(expected, weights[f'branches.{i}.{3 * j}.weight'], stride=2, padding=1)
            mean, var = expected.mean((0, 2, 3)), expected.var((0, 2, 3), unbiased=False)
            expected = (expected - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
            scale, shift = (weights[f'branches.{i}.{3 * j + 1}.{n}'] for n in ('weight', 'bias'))
            expected = (expected * scale[:, None, None] + shift[:, None, None]).clamp(min=0)
        torch.testing.assert_close(neck(maps)[i], expected, rtol=1e-4, atol=1e-5)


def test_strided_has_the_names_and_shapes_of_the_release():
    """There ``downsample_stage_{i + 1}`` stands for ``branches.{i}``."""
    names = {}
    for i, channels in enumerate((48, 96, 192)):
        for j in range(3 - i):
            names[f'branches.{i}.{3 * j}.weight'] = (channels, channels, 3, 3)
            for n in ('weight', 'bias', 'running_mean', 'running_var'):
                names[f'branches.{i}.{3 * j + 1}.{n}'] = (channels,)
            names[f'branches.{i}.{3 * j + 1}.num_batches_tracked'] = ()
    assert {n: tuple(v.shape) for n, v in BranchDownsampler().state_dict().items()} == names


def test_bilinear_has_no_weights_and_keeps_corners():
    neck = BranchDownsampler((1, 1), 'bilinear')
    assert not neck.state_dict()
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    resized = neck([ramp, torch.zeros(1, 1, 2, 2)])[0]
    torch.testing.assert_close(resized[0, 0], torch.tensor([[0.0, 3.0], [0.0, 3.0]]))


def test_initialization_is_kaimings():
    neck = BranchDownsampler((64, 64))
    neck.init_weights()
    conv, norm = neck.branches[0][:2]
    assert conv.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.05)
    assert norm.weight.eq(1).all() and norm.bias.eq(0).all()


@pytest.mark.parametrize('given', [(3, 4, 5), (3, 4, 5, 7)])
def test_other_maps(given):
    with pytest.raises(ValueError, match=r'in_channels is \(3, 4, 5, 6\), but the backbone gives'):
        BranchDownsampler((3, 4, 5, 6))(pyramid(given))


def test_unknown_method():
    with pytest.raises(ValueError, match="'strided' or 'bilinear', got 'area'"):
        BranchDownsampler(method='area')
