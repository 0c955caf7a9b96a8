"""Weak-perspective cameras of RoIs, the one full camera that they share, and projection.

Camera frame: OpenCV (x right, y down, z forward), meters. Pixels are relative to the principal point, so that
a point projects to ``f X / Z, f Y / Z``. Equation numbers are the paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmroi.geometry.precision import align_leading, full_precision


def estimate_focal_length(height: float, width: float) -> float:
    """Focal length assumed for an image without calibration: its diagonal.

    Args:
        height (float): Image height, pixels.
        width (float): Image width, pixels.

    Returns:
        float: Focal length, pixels.
    """
    return (height**2 + width**2) ** 0.5


def local_to_full(cameras: Tensor, boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Translation in the full camera from the weak-perspective camera of a crop (Eq. 8-12).

    The person is bounded by a 2 m box, hence ``t_z = 2 f / (b s)``; the center of the crop adds
    ``2 c / (b s)``.

    Args:
        cameras (Tensor): (..., 3) local cameras ``(s, t_x, t_y)``.
        boxes (Tensor): (..., 3) boxes in pixels.
        focal_length (Tensor | float): Pixels; its shape matches the leading dimensions of ``cameras``.

    Returns:
        Tensor: (..., 3) translation in meters.
    """
    cameras, boxes, focal = full_precision(cameras, boxes, focal_length)
    scale = boxes[..., 2:] * cameras[..., :1]
    depth = 2 * align_leading(focal, cameras.ndim) / scale
    return torch.cat((cameras[..., 1:] + 2 * boxes[..., :2] / scale, depth), -1)


def full_to_local(translation: Tensor, boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Inverse of :func:`local_to_full`.

    Args:
        translation (Tensor): (..., 3) translation in the full camera, meters.
        boxes (Tensor): (..., 3) boxes in pixels; leading dimensions broadcast against those of
            ``translation``.
        focal_length (Tensor | float): Pixels; its shape matches the leading dimensions of the result.

    Returns:
        Tensor: (..., 3) local cameras ``(s, t_x, t_y)``.
    """
    translation, boxes, focal = full_precision(translation, boxes, focal_length)
    translation, boxes = torch.broadcast_tensors(translation, boxes)
    depth_per_focal = translation[..., 2:] / align_leading(focal, translation.ndim)
    center = translation[..., :2] - boxes[..., :2] * depth_per_focal
    return torch.cat((2 / (boxes[..., 2:] * depth_per_focal), center), -1)


def project(points: Tensor, translation: Tensor, focal_length: Tensor | float) -> Tensor:
    """Perspective projection.

    Args:
        points (Tensor): (..., K, 3) meters.
        translation (Tensor): (..., 3) added to the points, meters; leading dimensions broadcast.
        focal_length (Tensor | float): Pixels; its shape matches the leading dimensions of the result.

    Returns:
        Tensor: (..., K, 2) pixels relative to the principal point.
    """
    points, translation, focal = full_precision(points, translation, focal_length)
    points = points + translation[..., None, :]
    return align_leading(focal, points.ndim) * points[..., :2] / points[..., 2:]


def to_crop_normalized(points: Tensor, boxes: Tensor, aspect: float = 0.75) -> Tensor:
    """Points of the full image in coordinates of a crop: [-1, 1] inside it.

    Args:
        points (Tensor): (..., K, 2) pixels relative to the principal point.
        boxes (Tensor): (..., 3) boxes; leading dimensions broadcast.
        aspect (float): Width / height of the crop.

    Returns:
        Tensor: (..., K, 2), x divided by half the crop's width, y by half its height.
    """
    points, boxes = full_precision(points, boxes)
    half = boxes[..., None, 2:] / 2 * points.new_tensor((aspect, 1.0))
    return (points - boxes[..., None, :2]) / half


def average_full_camera(cameras: Tensor, boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """One full camera from the local cameras of all RoIs of a person.

    ``t_x`` and ``t_y`` are means over the RoIs. The depth comes from the mean of ``b s``, the quantity that
    Eq. 15 makes equal over RoIs: ``t_z = 2 f / mean(b s)``; the mean of depths would be drawn to the
    RoI that thinks the person farthest.

    Args:
        cameras (Tensor): (..., M, 3) local cameras ``(s, t_x, t_y)``.
        boxes (Tensor): (..., M, 3) boxes in pixels.
        focal_length (Tensor | float): Pixels, per person: shape matches the leading dimensions.

    Returns:
        Tensor: (..., 3) translation in meters.
    """
    full = local_to_full(cameras, boxes, focal_length)
    _, boxes, focal = full_precision(full, boxes, focal_length)
    scale = (boxes[..., 2] * cameras[..., 0]).mean(-1)
    depth = 2 * align_leading(focal, scale.ndim) / scale
    return torch.cat((full[..., :2].mean(-2), depth[..., None]), -1)


def camera_spread(full_cameras: Tensor) -> Tensor:
    """How much the full cameras of one person disagree.

    Args:
        full_cameras (Tensor): (..., M, 3) translations of :func:`local_to_full`, meters.

    Returns:
        Tensor: (...,) root mean square distance of the M translations to their mean, meters.
    """
    (full_cameras,) = full_precision(full_cameras)
    deviation = full_cameras - full_cameras.mean(-2, keepdim=True)
    return deviation.square().sum(-1).mean(-1).sqrt()
