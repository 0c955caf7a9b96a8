import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from mmroi.models import MoveNetBackbone, MultiRoIEncoder
from mmroi.models.backbones.movenet import Conv3x3, block_channels
from mmroi.registry import MODELS

pytestmark = pytest.mark.usefixtures('mmroi_scope')

THUNDER = 'checkpoints/movenet_thunder.safetensors'
STAGES = (('stem',), ('blocks.0', 'blocks.1', 'blocks.2'), ('blocks.3', 'blocks.4', 'blocks.5'))


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
    assert block_channels('lightning') == [channels for times, channels in table for _ in range(times)]


def test_out_indices_choose_maps_that_do_not_change(images):
    network = build(out_indices=(0, 1, 2, 3)).eval()
    every = network(images)
    some = build(out_indices=[1, 3]).eval()
    some.load_state_dict(network.state_dict())
    assert some.out_channels == [32, 1280]
    for chosen, wanted in zip(some(images), (every[1], every[3]), strict=True):
        assert torch.equal(chosen, wanted)


@pytest.mark.parametrize('indices', [(), (4,), (1, 0), (2, 2), (-1,)])
def test_impossible_out_indices(indices):
    with pytest.raises(ValueError, match='out_indices must ascend within 0 to 3'):
        build(out_indices=indices)


def test_an_unknown_variant():
    with pytest.raises(ValueError, match="one of thunder, lightning, multipose, got 'Thunder'"):
        build('Thunder')


@pytest.mark.parametrize('height, width', [(4, 6), (5, 7), (4, 7), (1, 2)])
def test_padding_is_tensorflows(height, width):
    """SAME: out = ceil(n / 2), max(2 (out - 1) + 3 - n, 0) rows of padding, the smaller half above."""
    conv = Conv3x3(2, 3, stride=2)
    x = torch.randn(1, 2, height, width)
    rows, columns = -(-height // 2), -(-width // 2)
    above, left = (max(2 * (out - 1) + 3 - n, 0) // 2 for out, n in ((rows, height), (columns, width)))
    expected = torch.zeros(1, 3, rows, columns)
    for row in range(rows):
        for column in range(columns):
            for i in range(3):
                for j in range(3):
                    y, z = 2 * row + i - above, 2 * column + j - left
                    if 0 <= y < height and 0 <= z < width:
                        expected[0, :, row, column] += conv.weight[:, :, i, j] @ x[0, :, y, z]
    torch.testing.assert_close(conv(x), expected + conv.bias[:, None, None], atol=1e-5, rtol=0)


def test_padding_by_hand():
    """A kernel whose upper row is ones sees 1+2+3 and 3+4: nothing is padded above and left of even sides."""
    conv = Conv3x3(1, 1, stride=2, bias=False)
    conv.load_state_dict(dict(weight=torch.tensor([[[[1.0] * 3, [0] * 3, [0] * 3]]])))
    x = torch.tensor([[[[1.0, 2, 3, 4], [5, 6, 7, 8]]]])
    assert conv(x).tolist() == [[[[6, 7]]]]
    assert F.conv2d(x, conv.weight, stride=2, padding=1).tolist() == [[[[0, 0]]]]  # PyTorch's own
    assert conv(x[..., :1, :3]).tolist() == [[[[0, 0]]]]  # above odd sides there is padding


@pytest.mark.parametrize('size', [(64, 100), (48, 64)])
def test_sides_that_are_no_multiples_of_32(size):
    with pytest.raises(ValueError, match=f'multiples of 32, got {size[0]}x{size[1]} .*change crop_size'):
        build()(torch.zeros(1, 3, *size))


@pytest.mark.parametrize('stages', [-1, 0, 1, 2])
def test_frozen_stages(images, stages):
    network = build(frozen_stages=stages, out_indices=(0, 1, 2, 3)).train()
    frozen = tuple(f'{name}.' for stage in STAGES[: stages + 1] for name in stage)
    sum(m.square().mean() for m in network(images)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad != name.startswith(frozen), name
        assert (parameter.grad is None) == name.startswith(frozen), name


def test_a_frozen_encoder_records_no_graph(images):
    network = build(frozen_stages=4, out_indices=(0, 1, 2, 3)).train()
    assert not any(p.requires_grad for p in network.parameters())
    assert not any(m.requires_grad for m in network(images))
    assert [p.requires_grad for p in build(frozen_stages=3).parameters()].count(True) == 4 * 6 + 2


def test_frozen_stages_out_of_range():
    with pytest.raises(ValueError, match='from -1 to 4, got 5'):
        build(frozen_stages=5)


@pytest.mark.parametrize('frozen', [-1, 2])
def test_checkpointing_changes_neither_maps_nor_gradients(images, frozen):
    def run(with_cp):
        torch.manual_seed(0)
        network = build(with_cp=with_cp, frozen_stages=frozen).double().train()
        (last,) = network(images.double())
        last.square().sum().backward()
        return last, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}

    (last, gradients), (other, others) = run(False), run(True)
    assert torch.equal(last, other) and gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, msg=name)


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
