import pytest
import torch
from torch.nn import functional as F

from mmroi.models.backbones.inverted_residuals import SameConv2d
from mmroi.registry import MODELS

pytestmark = pytest.mark.usefixtures('mmroi_scope')

STAGES = (('stem',), ('blocks.0', 'blocks.1', 'blocks.2'), ('blocks.3', 'blocks.4', 'blocks.5'))


@pytest.fixture(scope='module')
def images():
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


def build(**kwargs):
    """The smallest of these backbones."""
    return MODELS.build(dict(type='MoveNetBackbone', variant='lightning', **kwargs))


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


@pytest.mark.parametrize('height, width', [(4, 6), (5, 7), (4, 7), (1, 2)])
@pytest.mark.parametrize('size', [3, 5])
def test_padding_is_tensorflows(height, width, size):
    """SAME: out = ceil(n / 2), max(2 (out - 1) + size - n, 0) rows of padding, the smaller half above."""
    conv = SameConv2d(2, 3, size, stride=2)
    x = torch.randn(1, 2, height, width)
    rows, columns = -(-height // 2), -(-width // 2)
    above, left = (max(2 * (out - 1) + size - n, 0) // 2 for out, n in ((rows, height), (columns, width)))
    expected = torch.zeros(1, 3, rows, columns)
    for row in range(rows):
        for column in range(columns):
            for i in range(size):
                for j in range(size):
                    y, z = 2 * row + i - above, 2 * column + j - left
                    if 0 <= y < height and 0 <= z < width:
                        expected[0, :, row, column] += conv.weight[:, :, i, j] @ x[0, :, y, z]
    torch.testing.assert_close(conv(x), expected + conv.bias[:, None, None], atol=1e-5, rtol=0)


def test_padding_by_hand():
    """A kernel whose upper row is ones sees 1+2+3 and 3+4: nothing is padded above and left of even sides."""
    conv = SameConv2d(1, 1, stride=2, bias=False)
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
