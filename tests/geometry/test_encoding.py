import math
from fractions import Fraction

import mpmath
import pytest
import torch

from mmroi.geometry import positional_encoding, released_constants, released_encoding

BOXES = torch.tensor([[0.731, -1.9, 3.456], [-2.25, 0.1, 1 / 3], [17.3, -0.0, 1e-9]], dtype=torch.float64)


def truth(value, k):
    """(sin, cos) of 2^k pi value with 60 digits, from the exact value of the float."""
    with mpmath.workdps(60):
        exact = Fraction(value) * 2**k
        angle = mpmath.pi * mpmath.mpf(exact.numerator) / mpmath.mpf(exact.denominator)
        return float(mpmath.sin(angle)), float(mpmath.cos(angle))


@pytest.mark.parametrize('dtype, tolerance', [(torch.float64, 1e-15), (torch.float32, 1.2e-7)])
def test_every_octave_is_correct_to_rounding(dtype, tolerance):
    boxes = BOXES.to(dtype)
    encoded = positional_encoding(boxes, 64)
    assert encoded.shape == (3, 387) and encoded.dtype == dtype
    assert torch.equal(encoded[:, :3], boxes)
    waves = encoded[:, 3:].reshape(3, 64, 2, 3)
    for row in range(3):
        for k in range(64):
            for axis in range(3):
                sine, cosine = truth(boxes[row, axis].item(), k)
                assert abs(waves[row, k, 0, axis].item() - sine) <= tolerance
                assert abs(waves[row, k, 1, axis].item() - cosine) <= tolerance


def test_order_by_hand():
    encoded = positional_encoding(torch.tensor([0.5, 1.0, 0.25]).double(), 2)
    half = 0.5**0.5
    expected = torch.tensor([0.5, 1, 0.25, 1, 0, half, 0, -1, half, 0, 0, 1, -1, 1, 0], dtype=torch.float64)
    torch.testing.assert_close(encoded, expected, rtol=0, atol=1e-15)


def test_no_frequency_is_the_number_itself():
    assert torch.equal(positional_encoding(BOXES, 0), BOXES)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_autocast_changes_nothing(dtype):
    plain = positional_encoding(BOXES.to(dtype), 32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(positional_encoding(BOXES.to(dtype), 32), plain)


def test_float32_and_float64_agree_on_the_same_numbers():
    boxes = BOXES.float()
    wide = positional_encoding(boxes.double(), 32)
    torch.testing.assert_close(positional_encoding(boxes, 32), wide.float())


def test_whole_turns_change_no_wave():
    p = torch.tensor([0.375, -0.71875, 1.5]).double()
    assert torch.equal(positional_encoding(p + 2, 32)[3:], positional_encoding(p, 32)[3:])


def test_float32_form_is_noise_at_high_octaves():
    """The reason for the exact form, and a check that the other form is what released checkpoints saw."""
    boxes = BOXES.float()
    error = (positional_encoding(boxes, 32, exact=False) - positional_encoding(boxes, 32)).abs()
    waves = error[:, 3:].reshape(3, 32, 6).amax((0, 2))
    assert waves[0] < 1e-5 and waves[16:].min() > 1e-3 and waves[26:].max() > 0.1


def released(x, num_freqs):
    """The encoding as the released code writes it: one fused multiply-add in float32."""
    freqs = (math.pi * 2.0 ** torch.arange(num_freqs)).repeat_interleave(2)[:, None]
    phases = torch.tensor([0, math.pi / 2]).repeat(num_freqs)[:, None]
    angle = torch.addcmul(phases, x[:, None].repeat(1, 2 * num_freqs, 1), freqs)
    return torch.cat([x, torch.sin(angle).flatten(1)], dim=-1)


def test_released_form_is_the_fused_float32_one():
    """Rounded differently, a wave of octave 31 would be another number; sines may differ by one rounding."""
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    encoded = positional_encoding(x, 32, exact=False)
    assert encoded.dtype == torch.float32
    torch.testing.assert_close(encoded, released(x, 32), rtol=0, atol=2**-23)
    freqs, phases = released_constants(32)
    unfused = torch.sin(x[:, None] * freqs + phases).flatten(1)
    assert (unfused - encoded[:, 3:]).abs().max() > 0.5


def test_released_form_rounds_its_input_to_float32_and_survives_autocast():
    x = BOXES.float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(
            positional_encoding(BOXES, 32, exact=False), released_encoding(x, *released_constants(32))
        )
    assert torch.equal(positional_encoding(x, 0, exact=False), x)


def test_released_form_takes_the_constants_of_a_checkpoint():
    freqs, phases = torch.tensor([[[2.0], [0.5]]]), torch.tensor([[[0.0], [1.0]]])
    encoded = released_encoding(torch.tensor([0.25]), freqs, phases)
    torch.testing.assert_close(encoded, torch.tensor([0.25, math.sin(0.5), math.sin(1.125)]))


def test_gradient():
    p = BOXES[:2].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: positional_encoding(x, 4), (p,))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.int64])
def test_half_precision_is_refused(dtype):
    with pytest.raises(TypeError, match='needs float32 or float64'):
        positional_encoding(BOXES.to(dtype), 4)


@pytest.mark.parametrize('num_freqs', [-1, 65])
@pytest.mark.parametrize('exact', [True, False])
def test_counts_out_of_range_are_refused(num_freqs, exact):
    with pytest.raises(ValueError, match=f'num_freqs must be between 0 and 64, got {num_freqs}'):
        positional_encoding(BOXES, num_freqs, exact)
