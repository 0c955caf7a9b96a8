"""Floating-point precision of geometry: never half, and one dtype per computation."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(reference: Tensor, *others: Tensor | float) -> tuple[Tensor, ...]:
    """Convert all arguments to the device and dtype of the first one, at least float32.

    Boxes of several thousand pixels and depths of many meters do not fit float16 or bfloat16, so geometry
    computes in float32 even under autocast; float64 stays float64.

    Args:
        reference: Determines dtype and device. Integers become float32.
        *others: Further operands.

    Returns:
        ``reference`` and ``others`` as tensors of the same dtype.
    """
    dtype = torch.promote_types(reference.dtype, torch.float32)
    return tuple(torch.as_tensor(x, dtype=dtype, device=reference.device) for x in (reference, *others))


def align_leading(x: Tensor, ndim: int) -> Tensor:
    """Append singleton dimensions to ``x`` until it has ``ndim``.

    Per-person values (N,) then broadcast against per-RoI values (N, M) along the leading dimension, even if
    M equals N.

    Args:
        x: Any shape with at most ``ndim`` dimensions (a scalar included).
        ndim: Number of dimensions of the result.

    Returns:
        A view of ``x``.
    """
    return x.reshape(x.shape + (1,) * (ndim - x.ndim))
