"""Positional encoding of boxes (Eq. 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MAX_FREQS = 64


def check_num_freqs(num_freqs: int) -> None:
    """Check that the number of frequencies is between 0 and 64.

    A float64 number of magnitude 1 has no digits below 2^-52, so all waves above octave 53 are constant.

    Args:
        num_freqs: L.

    Raises:
        ValueError: If it is out of range.
    """
    if not 0 <= num_freqs <= MAX_FREQS:
        raise ValueError(f'num_freqs must be between 0 and {MAX_FREQS}, got {num_freqs}')


def positional_encoding(p: Tensor, num_freqs: int, exact: bool = True) -> Tensor:
    """Encode numbers as sines and cosines of octaves (paper Eq. 3).

    ``gamma(p) = (p, sin(2^0 pi p), cos(2^0 pi p), ..., sin(2^(L-1) pi p), cos(2^(L-1) pi p))``

    In float32, ``2^31 pi p`` has no correct digit, and the result would be noise that differs between
    devices. Scaling by ``2^k`` and the remainder modulo 2 are exact in floating point, so the exact form
    takes the remainder in float64 before multiplying by pi: every frequency is correct to rounding on every
    device, with or without autocast.

    Args:
        p: (..., D), usually D = 3; float64 keeps the high frequencies meaningful.
        num_freqs: L, 0 to 64. With 0 the result is ``p``.
        exact: If False, reproduce the float32 arithmetic of the paper's released code, see
            :func:`released_encoding`; needed only for its checkpoints.

    Returns:
        (..., D (1 + 2 L)), float64 for float64 input, else float32; always float32 if not exact.

    Raises:
        TypeError: If ``p`` is half precision: its digits are lost before the encoding starts.
        ValueError: If ``num_freqs`` is out of range.
    """
    check_num_freqs(num_freqs)
    if p.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f'positional_encoding needs float32 or float64 (keep boxes out of half precision), got {p.dtype}'
        )
    if not exact:
        return released_encoding(p, *released_constants(num_freqs, p.device))
    if num_freqs == 0:
        return p
    # Shifts are exact on every device, unlike pow, and exist in ONNX; two factors reach 2^63.
    k = torch.arange(num_freqs, device=p.device)[:, None]
    octaves = (1 << k // 2).double() * (1 << (k + 1) // 2).double()
    half_turns = p.double()[..., None, :] * octaves
    angle = math.pi * (half_turns - 2 * torch.round(half_turns / 2))
    waves = torch.stack((torch.sin(angle), torch.cos(angle)), -2).flatten(-3)
    return torch.cat((p, waves.to(p.dtype)), -1)


def released_constants(num_freqs: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Build the constants of :func:`released_encoding`, which are part of the released checkpoints.

    Args:
        num_freqs: L.
        device: Device of the result.

    Returns:
        Frequencies ``2^k pi``, each repeated twice, and phases, alternating 0 and pi/2; both (1, 2 L, 1),
        float32.
    """
    octaves = torch.full((num_freqs, 1), 2.0, device=device).cumprod(0) / 2
    freqs = (math.pi * octaves).expand(-1, 2).reshape(1, -1, 1)
    phases = torch.stack((torch.zeros_like(octaves), torch.full_like(octaves, math.pi / 2)), 1)
    return freqs, phases.reshape(1, -1, 1)


def released_encoding(p: Tensor, freqs: Tensor, phases: Tensor) -> Tensor:
    """Compute ``(p, sin(phase_0 + p freq_0), sin(phase_1 + p freq_1), ...)`` in the released arithmetic.

    The paper's released code rounds the box numbers to float32 and evaluates ``phase + p freq`` as one fused
    multiply-add in float32 (``torch.addcmul``). Above k = 16 the sine is mostly rounding noise, but its
    networks were trained on that noise, so every rounding must be reproduced. The product of two float32
    numbers is exact in float64, and the sum and the sine are rounded to float32 afterwards. This gives the
    released numbers without depending on how a device or compiler fuses operations.

    Args:
        p: (..., D); rounded to float32.
        freqs: (1, 2 L, 1).
        phases: (1, 2 L, 1).

    Returns:
        (..., D (1 + 2 L)) float32.
    """
    p = p.float()
    angle = (p.double()[..., None, :] * freqs[0].double() + phases[0].double()).float()
    return torch.cat((p, torch.sin(angle.double()).float().flatten(-2)), -1)
