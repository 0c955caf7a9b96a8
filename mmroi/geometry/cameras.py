"""Weak-perspective cameras of RoIs, the full camera that they share, and projection.

Camera frame: OpenCV (x right, y down, z forward), meters. Pixels are relative to the principal point, so that
a point projects to ``f X / Z, f Y / Z``. Equation numbers are the paper's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmroi.geometry.precision import align_leading, full_precision


def estimate_focal_length(height: float, width: float) -> float:
    """Estimate the focal length of an uncalibrated image: the length of its diagonal.

    Args:
        height: Image height, pixels.
        width: Image width, pixels.

    Returns:
        Focal length, pixels.
    """
    return (height**2 + width**2) ** 0.5


def local_to_full(cameras: Tensor, boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Convert weak-perspective cameras of crops to translations in the full camera (Eq. 8-12).

    The person is bounded by a 2 m box, hence ``t_z = 2 f / (b s)``; the center of the crop adds
    ``2 c / (b s)``.

    Args:
        cameras: (..., 3) local cameras ``(s, t_x, t_y)``.
        boxes: (..., 3) boxes in pixels.
        focal_length: Pixels; its shape matches the leading dimensions of ``cameras``.

    Returns:
        (..., 3) translations in meters.
    """
    cameras, boxes, focal = full_precision(cameras, boxes, focal_length)
    scale = boxes[..., 2:] * cameras[..., :1]
    depth = 2 * align_leading(focal, cameras.ndim) / scale
    return torch.cat((cameras[..., 1:] + 2 * boxes[..., :2] / scale, depth), -1)


def full_to_local(translation: Tensor, boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Invert :func:`local_to_full`.

    Args:
        translation: (..., 3) translation in the full camera, meters.
        boxes: (..., 3) boxes in pixels; leading dimensions broadcast against those of
            ``translation``.
        focal_length: Pixels; its shape matches the leading dimensions of the result.

    Returns:
        (..., 3) local cameras ``(s, t_x, t_y)``.
    """
    translation, boxes, focal = full_precision(translation, boxes, focal_length)
    translation, boxes = torch.broadcast_tensors(translation, boxes)
    depth_per_focal = translation[..., 2:] / align_leading(focal, translation.ndim)
    center = translation[..., :2] - boxes[..., :2] * depth_per_focal
    return torch.cat((2 / (boxes[..., 2:] * depth_per_focal), center), -1)


def project(points: Tensor, translation: Tensor, focal_length: Tensor | float) -> Tensor:
    """Project points with a pinhole camera.

    Args:
        points: (..., K, 3) meters.
        translation: (..., 3) added to the points, meters; leading dimensions broadcast.
        focal_length: Pixels; its shape matches the leading dimensions of the result.

    Returns:
        (..., K, 2) pixels relative to the principal point.
    """
    points, translation, focal = full_precision(points, translation, focal_length)
    points = points + translation[..., None, :]
    return align_leading(focal, points.ndim) * points[..., :2] / points[..., 2:]


def to_crop_normalized(points: Tensor, boxes: Tensor, aspect: float = 0.75) -> Tensor:
    """Convert points of the full image to normalized coordinates of a crop, [-1, 1] inside it.

    Args:
        points: (..., K, 2) pixels relative to the principal point.
        boxes: (..., 3) boxes; leading dimensions broadcast.
        aspect: Width / height of the crop.

    Returns:
        (..., K, 2), x divided by half the crop's width, y by half its height.
    """
    points, boxes = full_precision(points, boxes)
    half = boxes[..., None, 2:] / 2 * points.new_tensor((aspect, 1.0))
    return (points - boxes[..., None, :2]) / half


def average_full_camera(cameras: Tensor, boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Average the local cameras of all RoIs of a person into one full camera.

    ``t_x`` and ``t_y`` are means over the RoIs. The depth comes from the mean of ``b s``, the quantity that
    Eq. 15 makes equal across RoIs: ``t_z = 2 f / mean(b s)``. A mean of the depths would be dominated by the
    RoI with the largest depth.

    Args:
        cameras: (..., M, 3) local cameras ``(s, t_x, t_y)``.
        boxes: (..., M, 3) boxes in pixels.
        focal_length: Pixels, one per person; its shape matches the leading dimensions.

    Returns:
        (..., 3) translation in meters.
    """
    full = local_to_full(cameras, boxes, focal_length)
    _, boxes, focal = full_precision(full, boxes, focal_length)
    scale = (boxes[..., 2] * cameras[..., 0]).mean(-1)
    depth = 2 * align_leading(focal, scale.ndim) / scale
    return torch.cat((full[..., :2].mean(-2), depth[..., None]), -1)


def camera_spread(full_cameras: Tensor) -> Tensor:
    """Measure how far apart the full cameras of one person's RoIs are.

    Args:
        full_cameras: (..., M, 3) translations of :func:`local_to_full`, meters.

    Returns:
        (...,) RMS distance of the M translations from their mean, meters.
    """
    (full_cameras,) = full_precision(full_cameras)
    deviation = full_cameras - full_cameras.mean(-2, keepdim=True)
    return deviation.square().sum(-1).mean(-1).sqrt()


def smooth_floor(x: Tensor, minimum: float, knee: float) -> Tensor:
    """Keep scales or depths above ``minimum``: the identity above ``knee``, an exponential approach below it.

    Unlike a clamp it has a gradient below the knee, so a network can return. It falls exponentially: one that
    has gone many heights of the knee below it stays there.

    Args:
        x: Any shape.
        minimum: Bound that is approached from above.
        knee: Where the identity ends, above ``minimum``.

    Returns:
        Shape of ``x``.
    """
    return F.celu(x - knee, alpha=knee - minimum) + knee
