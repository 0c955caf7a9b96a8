"""Numerical care that parts of the model share: full precision under autocast, and values kept positive."""

import torch.nn.functional as F
from torch import Tensor

from mmroi.geometry import without_autocast

__all__ = ['smooth_floor', 'without_autocast']


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
