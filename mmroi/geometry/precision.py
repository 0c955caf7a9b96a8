"""Floating-point precision of geometry: never half, and one dtype per computation."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(reference: Tensor, *others: Tensor | float) -> tuple[Tensor, ...]:
    """Bring all arguments to the dtype of the first one, at least float32, and to its device.

    Boxes of several thousand pixels and depths of many meters do not fit float16 or bfloat16, so geometry
    that is fed by a network under autocast computes in float32; float64 stays float64.

    Args:
        reference (Tensor): Decides dtype and device. Integers become float32.
        *others (Tensor | float): Further operands.

    Returns:
        tuple[Tensor, ...]: ``reference`` and ``others`` as tensors of one dtype.
    """
    dtype = torch.promote_types(reference.dtype, torch.float32)
    return tuple(torch.as_tensor(x, dtype=dtype, device=reference.device) for x in (reference, *others))


def align_leading(x: Tensor, ndim: int) -> Tensor:
    """Append singleton dimensions to ``x`` until it has ``ndim``.

    Per-person values (N,) thereby broadcast against per-RoI values (N, M) by their leading dimension, also
    where M happens to equal N.

    Args:
        x (Tensor): Any shape with at most ``ndim`` dimensions (a scalar included).
        ndim (int): Wanted number of dimensions.

    Returns:
        Tensor: View of ``x``.
    """
    return x.reshape(x.shape + (1,) * (ndim - x.ndim))
