import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmroi.models import HRNetClassificationNeck, MultiRoIEncoder

NORM = ('weight', 'bias', 'running_mean', 'running_var')


def plain_forward(weights, maps):
    """The same in plain functions, from the names alone."""

    def norm(x, name):
        scale, shift, mean, var = (weights[f'{name}.{n}'][:, None, None] for n in NORM)
        return (x - mean) / (var + 1e-5).sqrt() * scale + shift

    def conv(x, name, **kwargs):
        return F.conv2d(x, weights[f'{name}.weight'], weights.get(f'{name}.bias'), **kwargs)

    def bottleneck(x, name):
        y = norm(conv(x, f'{name}.conv1'), f'{name}.bn1').relu()
        y = norm(conv(y, f'{name}.conv2', padding=1), f'{name}.bn2').relu()
        y = norm(conv(y, f'{name}.conv3'), f'{name}.bn3')
        return (y + norm(conv(x, f'{name}.downsample.0'), f'{name}.downsample.1')).relu()

    y = bottleneck(maps[0], 'incre_modules.0.0')
    for i, x in enumerate(maps[1:]):
        down = conv(y, f'downsamp_modules.{i}.0', stride=2, padding=1)
        y = bottleneck(x, f'incre_modules.{i + 1}.0') + norm(down, f'downsamp_modules.{i}.1').relu()
    return norm(conv(y, 'final_layer.0'), 'final_layer.1').relu()


def randomize_norms(neck):
    for module in neck.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
            for values in (module.bias, module.running_mean):
                nn.init.normal_(values)


def test_equals_plain_functions():
    neck = HRNetClassificationNeck((4, 8, 16), (2, 4, 8), 10).eval()
    randomize_norms(neck)
    maps = [torch.randn(2, c, h, h // 2) for c, h in ((4, 24), (8, 12), (16, 6))]
    (joined,) = neck(maps)
    assert joined.shape == (2, 10, 6, 3)
    torch.testing.assert_close(joined, plain_forward(neck.state_dict(), maps), rtol=1e-4, atol=1e-4)


def test_names_and_shapes_of_the_classification_network():
    names = {}

    def conv(name, *shape, bias=False):
        names[f'{name}.weight'] = shape
        if bias:
            names[f'{name}.bias'] = shape[:1]

    def norm(name, channels):
        names.update({f'{name}.{n}': (channels,) for n in NORM})
        names[f'{name}.num_batches_tracked'] = ()

    for i, (before, inner) in enumerate(((48, 32), (96, 64), (192, 128), (384, 256))):
        block = f'incre_modules.{i}.0'
        conv(f'{block}.conv1', inner, before, 1, 1)
        conv(f'{block}.conv2', inner, inner, 3, 3)
        conv(f'{block}.conv3', 4 * inner, inner, 1, 1)
        conv(f'{block}.downsample.0', 4 * inner, before, 1, 1)
        for name, times in (('bn1', 1), ('bn2', 1), ('bn3', 4), ('downsample.1', 4)):
            norm(f'{block}.{name}', times * inner)
    for i, channels in enumerate((128, 256, 512)):
        conv(f'downsamp_modules.{i}.0', 2 * channels, channels, 3, 3, bias=True)
        norm(f'downsamp_modules.{i}.1', 2 * channels)
    conv('final_layer.0', 2048, 1024, 1, 1, bias=True)
    norm('final_layer.1', 2048)
    with torch.device('meta'):
        neck = HRNetClassificationNeck()
    assert {n: tuple(v.shape) for n, v in neck.state_dict().items()} == names


def test_behind_an_hrnet_the_encoder_has_its_width(hrnet_config):
    with torch.device('meta'):
        encoder = MultiRoIEncoder(
            hrnet_config(channels=48, stem_channels=64),
            neck=dict(type='HRNetClassificationNeck'),
        )
    assert (encoder.out_channels, encoder.map_channels) == (2048, 384)


def test_gradients_reach_every_weight():
    neck = HRNetClassificationNeck((4, 8), (2, 4), 10)
    neck.init_weights()
    neck([torch.randn(2, 4, 8, 8), torch.randn(2, 8, 4, 4)])[0].square().sum().backward()
    assert all(p.grad is not None for p in neck.parameters())


@pytest.mark.parametrize('channels', [(4,), (4, 16), (4, 8, 16)])
def test_other_maps(channels):
    neck = HRNetClassificationNeck((4, 8), (2, 4), 10)
    with pytest.raises(ValueError, match=r'in_channels is \(4, 8\), but the backbone gives'):
        neck([torch.randn(1, c, 8 // 2**i, 8 // 2**i) for i, c in enumerate(channels)])


def test_channels_of_another_number_of_branches():
    with pytest.raises(ValueError, match='one number for each of in_channels'):
        HRNetClassificationNeck((48, 96, 192, 384), (32, 64))
