import re

import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from mmroi.models import MoveNetBackbone, MultiRoIEncoder
from mmroi.registry import MODELS

pytestmark = pytest.mark.usefixtures('mmroi_scope')

THUNDER = 'checkpoints/movenet_thunder.safetensors'


@pytest.fixture(scope='module')
def images():
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


def build(variant='lightning', **kwargs):
    return MODELS.build(dict(type='MoveNetBackbone', variant=variant, **kwargs))


@pytest.fixture(scope='module')
def thunder():
    network = build('thunder', init_cfg=dict(type='Pretrained', checkpoint=THUNDER))
    network.init_weights()
    return network.eval()


@pytest.mark.parametrize(
    'variant, stem, channels, millions',
    [
        ('thunder', 56, (40, 56, 168, 1280), 6.11),
        ('lightning', 32, (24, 32, 96, 1280), 2.21),
        ('multipose', 48, (40, 48, 144, 1280), 4.60),
    ],
)
def test_channels_strides_and_parameters(variant, stem, channels, millions):
    network = build(variant, out_indices=(0, 1, 2, 3))
    assert network.stem.out_channels == stem and network.out_channels == list(channels)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=5e-3)
    maps = network(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [
        (1, c, 64 // s, 96 // s) for c, s in zip(channels, (4, 8, 16, 32), strict=True)
    ]


def test_lightning_is_mobilenetv2():
    """Of width 1: table 2 of Sandler et al., CVPR 2018."""
    table = ((1, 16), (2, 24), (3, 32), (4, 64), (3, 96), (3, 160), (1, 320))
    assert build().block_channels == [channels for times, channels in table for _ in range(times)]


@pytest.mark.parametrize('variant', ['Thunder', ['thunder']])
def test_an_unknown_variant(variant):
    with pytest.raises(
        ValueError, match=rf'one of thunder, lightning, multipose, got {re.escape(repr(variant))}'
    ):
        build(variant)


def test_channels_last_changes_the_layout_only(thunder, images):
    (expected,) = thunder(images)
    copy = build('thunder').eval()
    copy.load_state_dict(thunder.state_dict())
    copy.to(memory_format=torch.channels_last)
    (last,) = copy(images.contiguous(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last, expected, atol=1e-4, rtol=1e-4)


def test_bfloat16(thunder, images):
    """Maps differ by a few percent of their size, as bfloat16 has 8 bits."""
    with torch.no_grad():
        (expected,) = thunder(images)
        with torch.autocast('cpu', torch.bfloat16):
            (last,) = thunder(images)
    assert last.dtype == torch.bfloat16
    assert F.cosine_similarity(last.float().flatten(), expected.flatten(), 0) > 0.99


def test_weights_of_another_variant_are_refused():
    network = build('lightning', init_cfg=dict(type='Pretrained', checkpoint=THUNDER))
    with pytest.raises(ValueError, match=r'movenet_thunder\S+ does not fit MoveNetBackbone') as error:
        network.init_weights()
    assert 'stem.weight is (56, 3, 3, 3) in the file, (32, 3, 3, 3) in the network' in str(error.value)


def test_as_backbone_of_the_encoder(thunder):
    config = dict(
        type='MoveNetBackbone', variant='thunder', init_cfg=dict(type='Pretrained', checkpoint=THUNDER)
    )
    encoder = MODELS.build(
        dict(type='MultiRoIEncoder', backbone=config, frozen_stages=4, with_cp=True, channels_last=True)
    )
    encoder.init_weights()
    assert isinstance(encoder, MultiRoIEncoder) and isinstance(encoder.backbone, MoveNetBackbone)
    assert (encoder.out_channels, encoder.map_channels) == (1280, 1280)
    assert encoder.backbone.frozen_stages == 4 and encoder.backbone.with_cp
    assert not any(p.requires_grad for p in encoder.parameters())
    crops = torch.rand(2, 3, 3, 64, 32) * 2 - 1
    features = encoder.train()(crops)
    (maps,) = thunder(crops.flatten(0, 1))
    torch.testing.assert_close(features, maps.mean((2, 3)).view(2, 3, 1280), atol=1e-4, rtol=1e-4)


def test_norm_eval_has_no_meaning():
    with pytest.raises(ValueError, match='MoveNetBackbone does not know norm_eval'):
        MultiRoIEncoder(dict(type='MoveNetBackbone', variant='lightning'), norm_eval=True)


def test_onnx(tmp_path, images):
    network = build(out_indices=(1, 3)).eval()
    program = torch.onnx.export(network, (images,), dynamo=True, verbose=False)
    program.save(tmp_path / 'movenet.onnx')
    session = onnxruntime.InferenceSession(tmp_path / 'movenet.onnx', providers=['CPUExecutionProvider'])
    found = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    for array, expected in zip(found, network(images), strict=True):
        torch.testing.assert_close(torch.from_numpy(array), expected.detach(), atol=1e-5, rtol=1e-4)
