"""Positional encoding of boxes (Eq. 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MAX_FREQS = 64


def check_num_freqs(num_freqs: int) -> None:
    """Refuse numbers of frequencies outside 0..64.

    A float64 number of magnitude 1 has digits down to 2^-52, so that above 2^53 all waves are 0 and 1.

    Args:
        num_freqs (int): L.

    Raises:
        ValueError: If it is out of range.
    """
    if not 0 <= num_freqs <= MAX_FREQS:
        raise ValueError(f'num_freqs must be between 0 and {MAX_FREQS}, got {num_freqs}')


def positional_encoding(p: Tensor, num_freqs: int, exact: bool = True) -> Tensor:
    """Encode numbers by sines and cosines of octaves (paper Eq. 3).

    ``gamma(p) = (p, sin(2^0 pi p), cos(2^0 pi p), ..., sin(2^(L-1) pi p), cos(2^(L-1) pi p))``

    In float32 ``2^31 pi p`` has no correct digit, so the result would be noise that differs between devices.
    Scaling by ``2^k`` and the remainder modulo 2 are exact in floating point, so the exact form takes the
    remainder in float64 before it multiplies by pi: every frequency is correct to rounding, whatever the
    device or autocast.

    Args:
        p (Tensor): (..., D), usually D = 3; float64 keeps the high frequencies meaningful.
        num_freqs (int): L, 0 to 64. With 0 the result is ``p``.
        exact (bool): False gives what the paper's released code computes in float32, see
            :func:`released_encoding`; only to run its checkpoints.

    Returns:
        Tensor: (..., D (1 + 2 L)), float64 for float64 input, else float32; always float32 if not exact.

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
    # Shifts are exact on every device, which pow does not promise, and ONNX has them; two factors reach 2^63.
    k = torch.arange(num_freqs, device=p.device)[:, None]
    octaves = (1 << k // 2).double() * (1 << (k + 1) // 2).double()
    half_turns = p.double()[..., None, :] * octaves
    angle = math.pi * (half_turns - 2 * torch.round(half_turns / 2))
    waves = torch.stack((torch.sin(angle), torch.cos(angle)), -2).flatten(-3)
    return torch.cat((p, waves.to(p.dtype)), -1)


def released_constants(num_freqs: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Constants of :func:`released_encoding`, which the released checkpoints contain.

    Args:
        num_freqs (int): L.
        device (torch.device, optional): Of the result.

    Returns:
        tuple[Tensor, Tensor]: float32 frequencies ``2^k pi``, each twice, and phases 0 and pi/2 in turn, both
            (1, 2 L, 1).
    """
    octaves = torch.full((num_freqs, 1), 2.0, device=device).cumprod(0) / 2
    freqs = (math.pi * octaves).expand(-1, 2).reshape(1, -1, 1)
    phases = torch.stack((torch.zeros_like(octaves), torch.full_like(octaves, math.pi / 2)), 1)
    return freqs, phases.reshape(1, -1, 1)


def released_encoding(p: Tensor, freqs: Tensor, phases: Tensor) -> Tensor:
    """``(p, sin(phase_0 + p freq_0), sin(phase_1 + p freq_1), ...)`` in the released float32 arithmetic.

    The paper's released code rounds the box numbers to float32 and evaluates ``phase + p freq`` by one fused
    multiply-add in float32 (``torch.addcmul``). Above k = 16 the sine of that is mostly rounding noise, which
    its networks were trained on, so each rounding must be the same one. Here the product of two float32
    numbers is exact in float64, and sum and sine are rounded to float32 afterwards: the released numbers
    without relying on how a device or compiler fuses.

    Args:
        p (Tensor): (..., D), rounded to float32.
        freqs (Tensor): (1, 2 L, 1).
        phases (Tensor): (1, 2 L, 1).

    Returns:
        Tensor: (..., D (1 + 2 L)) float32.
    """
    p = p.float()
    angle = (p.double()[..., None, :] * freqs[0].double() + phases[0].double()).float()
    return torch.cat((p, torch.sin(angle.double()).float().flatten(-2)), -1)
