"""Rotations as 6D vectors, matrices and axis-angle (converted by ``roma``); camera roll and mirror."""

from __future__ import annotations

import math

import roma
import torch
from torch import Tensor

from mmroi.geometry.precision import full_precision
from mmroi.structures import flip_indices

_SMPL_PARTNERS = list(flip_indices('smpl'))


def rot6d_to_matrix(rot6d: Tensor) -> Tensor:
    """Convert the 6D representation (Zhou et al., CVPR 2019) to rotation matrices, by Gram-Schmidt.

    Args:
        rot6d: (..., 6), row-major (3, 2): the first two columns of the matrix, not necessarily
            orthonormal.

    Returns:
        (..., 3, 3).
    """
    (rot6d,) = full_precision(rot6d)
    return roma.special_gramschmidt(rot6d.unflatten(-1, (3, 2)), epsilon=1e-8)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Convert axis-angle vectors to rotation matrices.

    Args:
        axis_angle: (..., 3) radians.

    Returns:
        (..., 3, 3).
    """
    (axis_angle,) = full_precision(axis_angle)
    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Convert rotation matrices to axis-angle vectors.

    Args:
        matrix: (..., 3, 3).

    Returns:
        (..., 3) radians, norm at most pi.
    """
    (matrix,) = full_precision(matrix)
    return roma.rotmat_to_rotvec(matrix)


def roll_matrix(angle: Tensor | float) -> Tensor:
    """Build the roll of the camera about its optical axis.

    The same matrix applies to 3D points and orientations in the camera frame (left multiplication) and, as a
    homogeneous 2D map, to pixels relative to the principal point.

    Args:
        angle: (...) radians; positive turns x towards y (clockwise in the image).

    Returns:
        (..., 3, 3) in the dtype of ``angle``; float64 for a Python number.
    """
    angle = torch.as_tensor(angle, dtype=None if isinstance(angle, Tensor) else torch.float64)
    (angle,) = full_precision(angle)
    cos, sin, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack((cos, -sin, zero, sin, cos, zero, zero, zero, one), -1).unflatten(-1, (3, 3))


def mirror_matrix() -> Tensor:
    """Build the reflection of x.

    Like :func:`roll_matrix`, it applies to points in the camera frame and, as a homogeneous 2D map, to pixels
    relative to the principal point. The person's left and right must be swapped as well, see
    :func:`mirror_pose`.

    Returns:
        (3, 3) float64, ``diag(-1, 1, 1)``.
    """
    return torch.diag(torch.tensor((-1.0, 1.0, 1.0), dtype=torch.float64))


def mirror_pose(pose: Tensor) -> Tensor:
    """Mirror SMPL poses.

    Each rotation becomes ``M R M`` with M = diag(-1, 1, 1), and left and right joints are swapped.

    Args:
        pose: (..., 24, 3) axis-angle, global orientation first.

    Returns:
        (..., 24, 3).

    Raises:
        ValueError: If there are not 24 joints.
    """
    if pose.shape[-2:] != (24, 3):
        raise ValueError(
            f'pose must have shape (..., 24, 3), global orientation first, got {tuple(pose.shape)}'
        )
    return pose[..., _SMPL_PARTNERS, :] * pose.new_tensor((1, -1, -1))


def mean_rotation(rotations: Tensor, dim: int) -> Tensor:
    """Average rotations on SO(3): the chordal mean, the rotation closest to the mean matrix.

    Args:
        rotations: Rotation matrices (..., 3, 3).
        dim: Dimension to average over.

    Returns:
        Rotation matrices, without that dimension.
    """
    return roma.special_procrustes(rotations.mean(dim))


def geodesic_distance(first: Tensor, second: Tensor) -> Tensor:
    """Compute the angle between two rotations.

    Args:
        first: (..., 3, 3).
        second: (..., 3, 3).

    Returns:
        (...) radians in [0, pi].
    """
    first, second = full_precision(first, second)
    first, second = torch.broadcast_tensors(first, second)
    return roma.rotmat_geodesic_distance(first, second).clamp(max=math.pi)
