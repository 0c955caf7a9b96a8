"""Positional encoding of boxes (Eq. 3)."""
from __future__ import annotations

import math

import torch
from torch import Tensor


def positional_encoding(p: Tensor, num_freqs: int, exact: bool = True) -> Tensor:
    """Encode numbers by sines and cosines of octaves (paper Eq. 3).

    ``gamma(p) = (p, sin(2^0 pi p), cos(2^0 pi p), ..., sin(2^(L-1) pi p), cos(2^(L-1) pi p))``

    In float32 ``2^31 pi p`` has no correct digit, so the result would be noise that differs between devices.
    Scaling by ``2^k`` and the remainder modulo 2 are exact in floating point, so the exact form takes the
    remainder in float64 before it multiplies by pi: every frequency is correct to rounding, whatever the
    device or autocast.

    Args:
        p (Tensor): (..., D), usually D = 3; float64 keeps the high frequencies meaningful.
        num_freqs (int): L >= 0. With 0 the result is ``p``.
        exact (bool): False evaluates ``sin(2^k pi p)`` directly in float32; only to run checkpoints of the
            paper's released code, whose networks were trained on those values.

    Returns:
        Tensor: (..., D (1 + 2 L)), float64 for float64 input, else float32.

    Raises:
        TypeError: If ``p`` is half precision: its digits are lost before the encoding starts.
        ValueError: If ``num_freqs`` is negative.
    """
    if p.dtype not in (torch.float32, torch.float64):
        raise TypeError(f'positional_encoding needs float32 or float64 (keep boxes out of half precision), '
                        f'got {p.dtype}')
    if num_freqs < 0:
        raise ValueError(f'num_freqs must not be negative, got {num_freqs}')
    if num_freqs == 0:
        return p
    dtype = torch.float64 if exact else torch.float32
    octaves = 2.0 ** torch.arange(num_freqs, dtype=dtype, device=p.device)
    if exact:
        half_turns = p.double()[..., None, :] * octaves[:, None]
        angle = math.pi * (half_turns - 2 * torch.round(half_turns / 2))
    else:
        angle = p.float()[..., None, :] * (octaves * math.pi)[:, None]
    waves = torch.stack((torch.sin(angle), torch.cos(angle)), -2).flatten(-3)
    return torch.cat((p, waves.to(p.dtype)), -1)
