"""Floating-point precision of geometry: never half, and one dtype per computation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

_Function = TypeVar('_Function', bound=Callable[..., Any])


def full_precision(reference: Tensor, *others: Tensor | float) -> tuple[Tensor, ...]:
    """Convert all arguments to the device and dtype of the first one, at least float32.

    Boxes of several thousand pixels and depths of many meters do not fit float16 or bfloat16, so geometry
    computes in float32 even under autocast; float64 stays float64.

    Numbers are filled in on the device: a copy would wait for it, and cannot be captured in a CUDA graph.

    Args:
        reference: Determines dtype and device. Integers become float32.
        *others: Further operands.

    Returns:
        ``reference`` and ``others`` as tensors of the same dtype.
    """
    options: dict[str, Any] = dict(
        dtype=torch.promote_types(reference.dtype, torch.float32), device=reference.device
    )
    return tuple(
        torch.full((), x, **options) if isinstance(x, float | int) else torch.as_tensor(x, **options)
        for x in (reference, *others)
    )


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


def without_autocast(function: _Function) -> _Function:
    """Decorate a function or method to run outside autocast, with half-precision arguments in float32.

    Half precision cannot represent boxes of several thousand pixels, their encodings, cameras or sums of
    squares. Arguments in float64 are not changed.

    Args:
        function: Function with at least one tensor among its arguments.

    Returns:
        The decorated function.
    """

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        device = next(x.device for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
        with torch.autocast(device.type, enabled=False):
            return function(*map(_widen, args), **{name: _widen(value) for name, value in kwargs.items()})

    return wrapper  # type: ignore[return-value]


def _widen(value: Any) -> Any:
    half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value
