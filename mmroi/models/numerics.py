"""Numerical care that parts of the model share: full precision under autocast, and values kept positive."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

_Method = TypeVar('_Method', bound=Callable[..., Any])


def without_autocast(method: _Method) -> _Method:
    """Run a module's method outside autocast, its half-precision arguments widened to float32.

    Half precision cannot hold boxes of some thousand pixels, their encodings, cameras or sums of squares.
    float64 stays.
    """

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        with torch.autocast(tensors[0].device.type, enabled=False):
            return method(self, *map(_widen, args), **{name: _widen(value) for name, value in kwargs.items()})

    return wrapper  # type: ignore[return-value]


def _widen(value: Any) -> Any:
    half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def smooth_floor(x: Tensor, minimum: float, knee: float) -> Tensor:
    """Keep values above ``minimum``: identity above ``knee``, an exponential approach below it.

    Unlike a clamp it leaves a gradient everywhere, so that a network can leave the wrong side.

    Args:
        x: Any shape.
        minimum: Bound that is approached from above.
        knee: Where the identity ends, above ``minimum``.

    Returns:
        Tensor: Shape of ``x``.
    """
    return F.celu(x - knee, alpha=knee - minimum) + knee
