from fractions import Fraction

import mpmath
import pytest
import torch

from mmroi.geometry import positional_encoding

BOXES = torch.tensor([[0.731, -1.9, 3.456], [-2.25, 0.1, 1 / 3], [17.3, -0.0, 1e-9]], dtype=torch.float64)


def truth(value, k):
    """(sin, cos) of 2^k pi value with 60 digits, from the exact value of the float."""
    with mpmath.workdps(60):
        exact = Fraction(value) * 2 ** k
        angle = mpmath.pi * mpmath.mpf(exact.numerator) / mpmath.mpf(exact.denominator)
        return float(mpmath.sin(angle)), float(mpmath.cos(angle))


@pytest.mark.parametrize('dtype, tolerance', [(torch.float64, 1e-15), (torch.float32, 1.2e-7)])
def test_every_octave_is_correct_to_rounding(dtype, tolerance):
    boxes = BOXES.to(dtype)
    encoded = positional_encoding(boxes, 32)
    assert encoded.shape == (3, 195) and encoded.dtype == dtype
    assert torch.equal(encoded[:, :3], boxes)
    waves = encoded[:, 3:].reshape(3, 32, 2, 3)
    for row in range(3):
        for k in range(32):
            for axis in range(3):
                sine, cosine = truth(boxes[row, axis].item(), k)
                assert abs(waves[row, k, 0, axis].item() - sine) <= tolerance
                assert abs(waves[row, k, 1, axis].item() - cosine) <= tolerance


def test_order_by_hand():
    encoded = positional_encoding(torch.tensor([0.5, 1.0, 0.25]).double(), 2)
    half = 0.5 ** 0.5
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


def test_gradient():
    p = BOXES[:2].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: positional_encoding(x, 4), (p,))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.int64])
def test_half_precision_is_refused(dtype):
    with pytest.raises(TypeError, match='needs float32 or float64'):
        positional_encoding(BOXES.to(dtype), 4)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match='num_freqs must not be negative, got -1'):
        positional_encoding(BOXES, -1)
