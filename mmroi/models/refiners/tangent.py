"""Rotation vectors as coordinates, and their derivatives.

Source of the formula: J. Solà, J. Deray and D. Atchuthan, "A micro Lie theory for state estimation in
robotics", arXiv:1812.01537, Eq. 144.
"""

import math

import roma
import torch
from torch import Tensor

_SERIES_BELOW = 1e-3  # radians


def log_with_jacobian(rotations: Tensor) -> tuple[Tensor, Tensor]:
    """Compute rotation vectors and how they change when the rotations are turned.

    Args:
        rotations: (..., 3, 3).

    Returns:
        Rotation vectors r (..., 3) in radians, and d log(R exp(w)) / dw at w = 0 (..., 3, 3). At half a turn,
        where r jumps, the derivatives are those of one side.
    """
    vectors = roma.rotmat_to_rotvec(rotations)
    angle = vectors.norm(dim=-1)[..., None, None]
    small = angle < _SERIES_BELOW
    safe = torch.where(small, torch.ones_like(angle), angle).clamp(max=math.pi)
    exact = 1 / safe.square() - (1 + safe.cos()) / (2 * safe * safe.sin().clamp(min=1e-6))
    cross = skew(vectors)
    identity = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    return vectors, identity + cross / 2 + torch.where(small, 1 / 12, exact) * (cross @ cross)


def skew(vectors: Tensor) -> Tensor:
    """Build the matrices (..., 3, 3) of the cross product with vectors (..., 3)."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).unflatten(-1, (3, 3))
