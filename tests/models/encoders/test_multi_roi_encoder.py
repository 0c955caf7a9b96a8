import warnings

import pytest
import torch
from mmengine.model import BaseModule
from torch.nn import functional as F

from mmroi.models import MultiRoIEncoder
from mmroi.registry import MODELS

RESNET = dict(type='mmdet.ResNet', depth=18, base_channels=8)


@pytest.fixture
def both(hrnet):
    """Either backbone, by name."""
    return dict(ResNet=RESNET, HRNet=hrnet)


@pytest.mark.parametrize(
    'name, pool, width',
    [
        ('ResNet', 'last', 64),
        ('ResNet', 'concat', 8 + 16 + 32 + 64),
        ('HRNet', 'last', 32),
        ('HRNet', 'concat', 4 + 8 + 16 + 32),
    ],
)
def test_shapes(both, name, pool, width):
    encoder = MultiRoIEncoder(both[name], pool=pool)
    assert encoder.out_channels == width
    assert encoder(torch.randn(2, 3, 3, 64, 32)).shape == (2, 3, width)


@pytest.mark.parametrize('depth, width', [(18, 512), (34, 512), (50, 2048), (101, 2048)])
def test_widths_of_resnets(depth, width):
    with torch.device('meta'):
        assert MultiRoIEncoder(dict(type='mmdet.ResNet', depth=depth)).out_channels == width


@pytest.mark.parametrize('channels, width', [(32, 480), (48, 720)])
def test_widths_of_hrnets(hrnet, channels, width):
    for stage, branches in (('stage2', 2), ('stage3', 3), ('stage4', 4)):
        hrnet['extra'][stage]['num_channels'] = tuple(channels * 2**b for b in range(branches))
    with torch.device('meta'):
        encoder = MultiRoIEncoder(hrnet, pool='concat')
    assert (encoder.out_channels, encoder.map_channels) == (width, 8 * channels)


def test_every_roi_is_encoded_alone():
    encoder = MultiRoIEncoder(RESNET).eval()
    crops = torch.randn(2, 3, 3, 64, 48)
    alone = torch.stack([encoder(crops[:, m : m + 1])[:, 0] for m in range(3)], dim=1)
    torch.testing.assert_close(encoder(crops), alone, rtol=1e-4, atol=1e-5)


def test_pooling_is_area_interpolation_to_the_coarsest_map(hrnet):
    encoder = MultiRoIEncoder(hrnet, pool='concat').eval()
    crops = torch.randn(1, 1, 3, 96, 64)
    maps = encoder.backbone(crops[0])
    branches = [F.interpolate(m, maps[-1].shape[-2:], mode='area').mean((-2, -1)) for m in maps]
    torch.testing.assert_close(encoder(crops)[0], torch.cat(branches, dim=-1), rtol=1e-4, atol=1e-5)


def test_the_neck_stands_between_maps_and_pooling(hrnet):
    encoder = MultiRoIEncoder(
        hrnet,
        pool='concat',
        neck=dict(type='BranchDownsampler', in_channels=(4, 8, 16, 32), method='bilinear'),
    ).eval()
    crops = torch.randn(2, 1, 3, 64, 64)
    maps = encoder.extract_maps(crops)
    assert [m.shape[-1] for m in maps] == [16, 8, 4, 2] and encoder.map_channels == 32
    pooled = torch.cat([m.mean((-2, -1)) for m in encoder.neck(maps)], dim=-1)
    torch.testing.assert_close(encoder(crops)[:, 0], pooled)


@pytest.mark.parametrize('neck', ['BranchDownsampler', 'HRNetClassificationNeck'])
def test_a_neck_for_another_backbone_is_refused_when_it_is_built(hrnet, neck):
    with pytest.raises(ValueError, match=r'\(48, 96, 192, 384\).*4 maps of \(4, 8, 16, 32\)'):
        MultiRoIEncoder(hrnet, neck=dict(type=neck))


@pytest.mark.parametrize('name', ['ResNet', 'HRNet'])
def test_channels_last_changes_the_layout_only(both, name):
    plain = MultiRoIEncoder(both[name]).eval()
    last = MultiRoIEncoder(both[name], channels_last=True).eval()
    last.load_state_dict(plain.state_dict())
    assert last.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    crops = torch.randn(2, 2, 3, 64, 32)
    torch.testing.assert_close(last(crops), plain(crops), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', ['ResNet', 'HRNet'])
@pytest.mark.parametrize(
    'of_backbone, of_encoder, moves',
    [
        ({}, {}, True),
        ({}, dict(norm_eval=True), False),
        (dict(norm_eval=True), {}, False),
        (dict(norm_eval=False), dict(norm_eval=True), True),
    ],
)
def test_norm_eval(both, name, of_backbone, of_encoder, moves):
    encoder = MultiRoIEncoder(both[name] | of_backbone, **of_encoder).train()
    before = encoder.backbone.bn1.running_mean.clone()
    encoder(torch.randn(2, 1, 3, 64, 64)).sum().backward()
    assert torch.equal(before, encoder.backbone.bn1.running_mean) != moves
    assert encoder.backbone.bn1.weight.grad is not None  # the statistics are fixed, not the scale


def test_measuring_the_width_leaves_no_trace():
    encoder = MultiRoIEncoder(RESNET)
    assert encoder.training and encoder.backbone.bn1.num_batches_tracked == 0


STAGES = dict(
    ResNet=[('conv1', 'bn1'), ('layer1',), ('layer2',), ('layer3',), ('layer4',)],
    HRNet=[
        ('conv1', 'bn1', 'conv2', 'bn2'),
        ('layer1',),
        ('transition1', 'stage2'),
        ('transition2', 'stage3'),
        ('transition3', 'stage4'),
    ],
)


@pytest.mark.parametrize('name', ['ResNet', 'HRNet'])
@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('frozen', [-1, 0, 1, 2])
def test_frozen_stages_keep_weights_and_statistics(both, name, with_cp, frozen):
    encoder = MultiRoIEncoder(both[name], pool='concat', frozen_stages=frozen, with_cp=with_cp)
    fixed = {part for stage in STAGES[name][: frozen + 1] for part in stage}
    before = {n: b.clone() for n, b in encoder.backbone.named_buffers() if n.endswith('running_var')}
    encoder.eval().train()
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='.*use_reentrant')  # MMDetection leaves it to torch
        encoder(torch.randn(2, 1, 3, 64, 64)).square().sum().backward()
    for n, parameter in encoder.backbone.named_parameters():
        assert parameter.requires_grad == (n.split('.')[0] not in fixed), n
        assert (parameter.grad is None) == (n.split('.')[0] in fixed), n
    for n, buffer in encoder.backbone.named_buffers():
        if n in before:
            assert torch.equal(buffer, before[n]) == (n.split('.')[0] in fixed), n


@pytest.mark.parametrize('name', ['ResNet', 'HRNet'])
def test_checkpointing_changes_neither_outputs_nor_gradients(both, name):
    plain, saving = (MultiRoIEncoder(both[name], with_cp=cp).double().train() for cp in (False, True))
    saving.load_state_dict(plain.state_dict())
    crops = torch.randn(2, 2, 3, 64, 64).double()
    runs = []
    block = (saving.backbone.layer1 if name == 'ResNet' else saving.backbone.stage4[0].branches[0])[-1]
    block.conv1.register_forward_pre_hook(lambda *_: runs.append(1))

    def encode(encoder):  # in float64, in which the pooled features are not
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='.*use_reentrant')  # MMDetection leaves it to torch
            maps = encoder.extract_maps(crops)
        features = torch.cat([m.mean((-2, -1)) for m in maps], dim=-1)
        features.square().sum().backward()
        return features.detach()

    torch.testing.assert_close(encode(saving), encode(plain))
    assert len(runs) == 2  # forward, and again in the backward pass
    for (n, a), b in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad, rtol=1e-9, atol=1e-9, msg=n)
    # the price: the statistics of checkpointed blocks see the batch twice, 1 - 0.9² = 1.9 times 0.1 of it
    of_block, of_plain = (
        block.bn1.running_mean,
        plain.get_submodule(
            next(n for n, module in saving.named_modules() if module is block)
        ).bn1.running_mean,
    )
    torch.testing.assert_close(of_block, 1.9 * of_plain)


def test_hrnet_needs_multiples_of_32(hrnet):
    encoder = MultiRoIEncoder(hrnet)
    with pytest.raises(ValueError, match='multiples of 32, got 64x48'):
        encoder(torch.zeros(1, 1, 3, 64, 48))


@MODELS.register_module()
class _PlainBackbone(BaseModule):
    def forward(self, x):
        return (x,)


@pytest.mark.parametrize('option', [dict(frozen_stages=0), dict(norm_eval=True), dict(with_cp=True)])
def test_a_backbone_that_does_not_know_an_option(option):
    plain = dict(type='_PlainBackbone')
    assert MultiRoIEncoder(plain).out_channels == 3
    with pytest.raises(ValueError, match=f'_PlainBackbone does not know {next(iter(option))}'):
        MultiRoIEncoder(plain, **option)


@pytest.mark.parametrize('stages', [-2, 5])
def test_frozen_stages_out_of_range(stages):
    with pytest.raises(ValueError, match='from -1 to 4'):
        MultiRoIEncoder(RESNET, frozen_stages=stages)


def test_features_are_float32_under_autocast(hrnet):
    encoder = MultiRoIEncoder(
        hrnet,
        pool='concat',
        neck=dict(type='BranchDownsampler', in_channels=(4, 8, 16, 32), method='strided'),
    )
    with torch.autocast('cpu', torch.bfloat16):
        assert encoder(torch.randn(1, 2, 3, 64, 32)).dtype == torch.float32


def test_unknown_pool():
    with pytest.raises(ValueError, match="'last' or 'concat'"):
        MultiRoIEncoder(RESNET, pool='max')


class TinyViT(BaseModule):
    """Patches of 16 pixels, position embeddings for crops of 64x48 alone."""

    def __init__(self, single=False):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 24, 16, stride=16)
        self.position = torch.nn.Parameter(torch.zeros(12, 24))
        self.block = torch.nn.TransformerEncoderLayer(24, 4, 48, batch_first=True)
        self.single = single

    def forward(self, x):
        patches = self.patches(x)
        tokens = self.block(patches.flatten(2).mT + self.position)
        maps = tokens.mT.unflatten(2, patches.shape[-2:])
        return maps if self.single else (maps,)


class DeclaringViT(TinyViT):
    out_channels = 24


@pytest.mark.parametrize('single', [False, True])
@pytest.mark.parametrize(
    'kind, options', [(TinyViT, dict(crop_size=(64, 48))), (DeclaringViT, {})], ids=['crop_size', 'declared']
)
def test_a_backbone_for_one_size_of_crops(kind, options, single):
    encoder = MultiRoIEncoder(dict(type=kind, single=single), **options)
    assert (encoder.out_channels, encoder.map_channels) == (24, 24)
    assert encoder(torch.randn(2, 3, 3, 64, 48)).shape == (2, 3, 24)
    assert encoder.extract_maps(torch.randn(2, 3, 3, 64, 48))[-1].shape == (6, 24, 4, 3)
    with pytest.raises(RuntimeError):
        encoder(torch.randn(1, 1, 3, 64, 64))


def test_a_backbone_that_fails_on_the_default_crop_is_refused_with_the_remedy():
    with pytest.raises(
        ValueError, match=r'TinyViT cannot encode a crop of 64x64 .*crop_size=.* out_channels'
    ):
        MultiRoIEncoder(dict(type=TinyViT))


class _TwoMaps(BaseModule):
    out_channels = (3, 6)

    def forward(self, x):
        return x, torch.cat([x, x], 1)


@pytest.mark.parametrize('pool, width', [('last', 6), ('concat', 9)])
def test_declared_channels_are_those_of_the_maps(pool, width):
    encoder = MultiRoIEncoder(dict(type=_TwoMaps), pool=pool)
    assert (encoder.out_channels, encoder.map_channels) == (width, 6)
    assert encoder(torch.zeros(1, 2, 3, 8, 8)).shape[-1] == width


class _Tokens(BaseModule):
    def forward(self, x):
        return (x.flatten(2).mT,)


def test_tokens_are_no_map():
    with pytest.raises(
        ValueError, match=r'_Tokens must return feature maps .*\(1, 4096, 3\).*reshape tokens'
    ):
        MultiRoIEncoder(dict(type=_Tokens))


@pytest.mark.parametrize('pool', ['last', 'concat'])
def test_reduced_maps_pool_to_the_same(pool, both):
    encoder = MultiRoIEncoder(both['HRNet'], pool=pool).eval()
    maps = encoder.extract_maps(torch.randn(2, 3, 3, 64, 32))
    reduced = encoder.reduce_maps(maps)
    assert [m.shape[-2:] for m in reduced] == [(1, 1)] * (1 if pool == 'last' else 4)
    torch.testing.assert_close(encoder.pool_maps(reduced, 3), encoder.pool_maps(maps, 3))
    torch.testing.assert_close(encoder.reduce_maps(reduced), reduced)


def test_a_neck_reduces_to_its_grid():
    neck = dict(type='GridNeck', in_channels=(64,), grid=(2, 1), channels=4, out_channels=8)
    encoder = MultiRoIEncoder(dict(RESNET, out_indices=(3,)), neck=neck).eval()
    maps = encoder.extract_maps(torch.randn(2, 3, 3, 128, 96))
    reduced = encoder.reduce_maps(maps)
    assert [m.shape for m in reduced] == [(6, 64, 2, 1)]
    torch.testing.assert_close(encoder.pool_maps(reduced, 3), encoder.pool_maps(maps, 3))


@pytest.mark.parametrize('name', ['ResNet', 'HRNet'])
def test_is_frozen(both, name):
    assert MultiRoIEncoder(both[name], frozen_stages=4, norm_eval=True).is_frozen
    assert MultiRoIEncoder(both[name], frozen_stages=4).is_frozen
    for options in (dict(), dict(norm_eval=True), dict(frozen_stages=3, norm_eval=True)):
        encoder = MultiRoIEncoder(both[name], **options)
        mode = [module.training for module in encoder.modules()]
        assert not encoder.is_frozen
        assert [module.training for module in encoder.modules()] == mode
    encoder = MultiRoIEncoder(both[name], norm_eval=False)
    encoder.backbone.requires_grad_(False)
    assert not encoder.is_frozen  # its statistics move


def test_a_backbone_with_dropout_is_not_frozen():
    encoder = MultiRoIEncoder(RESNET, frozen_stages=4)
    encoder.backbone.add_module('drop', torch.nn.Dropout(0.1))
    assert not encoder.is_frozen
    encoder.backbone.drop.p = 0.0
    assert encoder.is_frozen
