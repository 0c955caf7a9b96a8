"""Rotations: 6D, matrices, axis-angle; camera roll and mirror. Conversions are those of ``roma``."""

from __future__ import annotations

import math

import roma
import torch
from torch import Tensor

from mmroi.geometry.precision import full_precision
from mmroi.structures import flip_indices

_SMPL_PARTNERS = list(flip_indices('smpl'))


def rot6d_to_matrix(rot6d: Tensor) -> Tensor:
    """Rotation matrix from the 6D representation (Zhou et al., CVPR 2019), by Gram-Schmidt.

    Args:
        rot6d (Tensor): (..., 6), row-major (3, 2): the first two columns of the matrix, not necessarily
            orthonormal.

    Returns:
        Tensor: (..., 3, 3).
    """
    (rot6d,) = full_precision(rot6d)
    return roma.special_gramschmidt(rot6d.unflatten(-1, (3, 2)), epsilon=1e-8)


def matrix_to_rot6d(matrix: Tensor) -> Tensor:
    """First two columns of rotation matrices, the right inverse of :func:`rot6d_to_matrix`.

    Args:
        matrix (Tensor): (..., 3, 3).

    Returns:
        Tensor: (..., 6), row-major (3, 2).
    """
    return matrix[..., :2].flatten(-2)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rotation matrix from axis-angle.

    Args:
        axis_angle (Tensor): (..., 3) radians.

    Returns:
        Tensor: (..., 3, 3).
    """
    (axis_angle,) = full_precision(axis_angle)
    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Axis-angle from rotation matrices.

    Args:
        matrix (Tensor): (..., 3, 3).

    Returns:
        Tensor: (..., 3) radians, of norm at most pi.
    """
    (matrix,) = full_precision(matrix)
    return roma.rotmat_to_rotvec(matrix)


def roll_matrix(angle: Tensor | float) -> Tensor:
    """Roll of the camera about its optical axis.

    The one matrix serves 3D points and orientations of the camera frame (left multiplication) and, as a
    homogeneous 2D map, pixels relative to the principal point.

    Args:
        angle (Tensor | float): (...) radians; positive turns x towards y (clockwise in the image).

    Returns:
        Tensor: (..., 3, 3) in the dtype of ``angle``; float64 for a plain number.
    """
    angle = torch.as_tensor(angle, dtype=None if isinstance(angle, Tensor) else torch.float64)
    (angle,) = full_precision(angle)
    cos, sin, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack((cos, -sin, zero, sin, cos, zero, zero, zero, one), -1).unflatten(-1, (3, 3))


def mirror_matrix() -> Tensor:
    """Mirror x to -x.

    Like :func:`roll_matrix` for points of the camera frame and, homogeneous, for pixels relative to the
    principal point. Left and right of the person must be exchanged as well, see :func:`mirror_pose`.

    Returns:
        Tensor: (3, 3) float64, ``diag(-1, 1, 1)``.
    """
    return torch.diag(torch.tensor((-1.0, 1.0, 1.0), dtype=torch.float64))


def mirror_pose(pose: Tensor) -> Tensor:
    """SMPL pose of the person in the mirror.

    Each rotation becomes ``M R M`` with M = diag(-1, 1, 1), and left and right joints are exchanged.

    Args:
        pose (Tensor): (..., 24, 3) axis-angle, global orientation first.

    Returns:
        Tensor: (..., 24, 3).

    Raises:
        ValueError: If there are not 24 joints.
    """
    if pose.shape[-2:] != (24, 3):
        raise ValueError(
            f'pose must have shape (..., 24, 3), global orientation first, got {tuple(pose.shape)}'
        )
    return pose[..., _SMPL_PARTNERS, :] * pose.new_tensor((1, -1, -1))


def geodesic_distance(first: Tensor, second: Tensor) -> Tensor:
    """Angle of the rotation between two rotation matrices.

    Args:
        first (Tensor): (..., 3, 3).
        second (Tensor): (..., 3, 3).

    Returns:
        Tensor: (...) radians in [0, pi].
    """
    first, second = full_precision(first, second)
    first, second = torch.broadcast_tensors(first, second)
    return roma.rotmat_geodesic_distance(first, second).clamp(max=math.pi)
