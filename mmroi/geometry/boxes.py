"""Person boxes, sets of regions of interest (RoIs) and the affine maps of their crops.

A box is ``(c_x, c_y, b)``: center and *height* of the crop in pixels of the full image; the crop's width is
``b * W_crop / H_crop``. Unless stated otherwise the center is relative to the principal point. Pixel centers
lie at integer coordinates (OpenCV).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmroi.geometry.precision import align_leading, full_precision

# (dx, dy, scale) in units of b. The first five are the paper's (section 3.5); the paper stopped at five, and
# the diagonal four continue the set for larger M.
_ROI_OFFSETS = (
    (0.0, 0.0, 1.0),
    (0.1, 0.0, 1.5),
    (-0.1, 0.0, 1.25),
    (0.0, 0.1, 0.8),
    (0.0, -0.1, 0.65),
    (0.1, 0.1, 1.4),
    (-0.1, -0.1, 0.9),
    (-0.1, 0.1, 1.1),
    (0.1, -0.1, 0.7),
)
MAX_ROIS = len(_ROI_OFFSETS)

# CLIFF's statistics of a box: (center gain, mean of b/f, spread of b/f).
_CENTER_GAIN, _SIZE_MEAN, _SIZE_STD = 2.8, 0.24, 0.06


def expand_to_aspect(bbox_xywh: Tensor, aspect: float = 0.75, scale: float = 1.2) -> Tensor:
    """Smallest box of the crop's aspect ratio around a bounding box, then enlarged.

    Args:
        bbox_xywh (Tensor): (..., 4) left, top, width, height in image pixels.
        aspect (float): Width / height of the crop (192 / 256).
        scale (float): Enlargement; 1.2 is CLIFF's in evaluation.

    Returns:
        Tensor: (..., 3) center **in image coordinates** and height b; subtract the principal point from the
        center before using other functions of this module.

    Raises:
        ValueError: If a number is not finite, or a width or height is not positive.
    """
    (bbox,) = full_precision(bbox_xywh)
    x, y, w, h = bbox.unbind(-1)
    if not bool(torch.isfinite(bbox).all()) or not bool((w > 0).all() & (h > 0).all()):
        raise ValueError(f'bbox_xywh must be finite with positive width and height, got {bbox_xywh.tolist()}')
    return torch.stack((x + w / 2, y + h / 2, torch.maximum(h, w / aspect) * scale), -1)


def _check_num_rois(num_rois: int, maximum: int | None = None) -> None:
    if num_rois < 1 or (maximum is not None and num_rois > maximum):
        raise ValueError(f'num_rois must be between 1 and {maximum or "any number"}, got {num_rois}')


def roi_offsets(num_rois: int) -> Tensor:
    """Fixed RoI set (paper section 3.5): the base box and shifted, rescaled copies.

    Args:
        num_rois (int): M, from 1 to 9; the first five rows are the paper's.

    Returns:
        Tensor: (M, 3) float64 rows ``(dx, dy, scale)``, shifts in units of b.

    Raises:
        ValueError: If ``num_rois`` is out of range.
    """
    _check_num_rois(num_rois, MAX_ROIS)
    return torch.tensor(_ROI_OFFSETS[:num_rois], dtype=torch.float64)


def random_roi_offsets(num_rois: int, generator: torch.Generator | None = None) -> Tensor:
    """Random RoI set of the paper's ablation: the base box, then boxes within the range of the fixed set.

    Args:
        num_rois (int): M >= 1, any number.
        generator (torch.Generator, optional): Source of randomness; torch's global one by default.

    Returns:
        Tensor: (M, 3) float64 rows ``(dx, dy, scale)``; shifts uniform in [-0.1, 0.1], scale log-uniform in
        [0.65, 1.5]. Row 0 is ``(0, 0, 1)``.

    Raises:
        ValueError: If ``num_rois`` < 1.
    """
    _check_num_rois(num_rois)
    uniform = torch.rand(num_rois - 1, 3, generator=generator, dtype=torch.float64)
    shift = 0.2 * uniform[:, :2] - 0.1
    scale = 0.65 * (1.5 / 0.65) ** uniform[:, 2:]
    return torch.cat((roi_offsets(1), torch.cat((shift, scale), -1)))


def make_rois(box: Tensor, offsets: Tensor) -> Tensor:
    """Boxes of all RoIs of a base box.

    Args:
        box (Tensor): (..., 3) base box.
        offsets (Tensor): (M, 3) rows ``(dx, dy, scale)`` of :func:`roi_offsets`.

    Returns:
        Tensor: (..., M, 3) boxes ``(c_x + dx b, c_y + dy b, scale b)``.
    """
    box, offsets = full_precision(box, offsets)
    center, size = box[..., None, :2], box[..., None, 2:]
    return torch.cat((center + offsets[:, :2] * size, offsets[:, 2:] * size), -1)


def encode_box(boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Box as the three numbers that the network sees, in CLIFF's normalization.

    Args:
        boxes (Tensor): (..., 3) pixels, relative to the principal point.
        focal_length (Tensor | float): Pixels; its shape matches the leading dimensions of ``boxes``.

    Returns:
        Tensor: (..., 3) ``(2.8 c_x / f, 2.8 c_y / f, (b - 0.24 f) / (0.06 f))``.
    """
    boxes, focal = full_precision(boxes, focal_length)
    relative = boxes / align_leading(focal, boxes.ndim)
    return torch.cat((_CENTER_GAIN * relative[..., :2], (relative[..., 2:] - _SIZE_MEAN) / _SIZE_STD), -1)


def decode_box(encoded: Tensor, focal_length: Tensor | float) -> Tensor:
    """Inverse of :func:`encode_box`.

    Args:
        encoded (Tensor): (..., 3).
        focal_length (Tensor | float): Pixels; its shape matches the leading dimensions of ``encoded``.

    Returns:
        Tensor: (..., 3) boxes in pixels.
    """
    encoded, focal = full_precision(encoded, focal_length)
    relative = torch.cat((encoded[..., :2] / _CENTER_GAIN, encoded[..., 2:] * _SIZE_STD + _SIZE_MEAN), -1)
    return relative * align_leading(focal, encoded.ndim)


def crop_matrix(
    box: Tensor, principal_point: Tensor, crop_size: tuple[int, int], aug_matrix: Tensor | None = None
) -> Tensor:
    """Affine map from pixels of the original image to pixels of a crop.

    A point p of the augmented frame (relative to the principal point) lands at
    ``(p - c) H_crop / b + (W_crop / 2, H_crop / 2)``.

    Args:
        box (Tensor): (..., 3) box in the augmented frame.
        principal_point (Tensor): (..., 2) of the original image, pixels; leading dimensions broadcast.
        crop_size (tuple[int, int]): (H_crop, W_crop).
        aug_matrix (Tensor, optional): (..., 3, 3) homogeneous map of points relative to the principal point,
            from the original to the augmented frame: products of :func:`~mmroi.geometry.roll_matrix`,
            :func:`~mmroi.geometry.mirror_matrix` and, first of all, the stretch of the original's axes that
            gives two focal lengths one value. Identity by default.

    Returns:
        Tensor: (..., 2, 3), as ``cv2.warpAffine`` takes it (without ``WARP_INVERSE_MAP``).

    Raises:
        ValueError: If a box is not finite or has no positive size.
    """
    box, principal_point = full_precision(box, principal_point)
    if not bool(torch.isfinite(box).all()) or not bool((box[..., 2] > 0).all()):
        raise ValueError(f'box must be finite with positive size, got {box.tolist()}')
    height, width = crop_size
    gain = (height / box[..., 2])[..., None, None]
    middle = box.new_tensor((width / 2, height / 2))[:, None]
    linear = torch.eye(2, dtype=box.dtype, device=box.device)
    offset = torch.zeros_like(middle)
    if aug_matrix is not None:
        _, aug_matrix = full_precision(box, aug_matrix)
        linear, offset = aug_matrix[..., :2, :2], aug_matrix[..., :2, 2:]
    offset = offset - (linear * principal_point[..., None, :]).sum(-1, keepdim=True)
    shift = (offset - box[..., :2, None]) * gain + middle
    return torch.cat(((linear * gain).expand(*shift.shape[:-1], 2), shift), -1)


def invert_affine(matrix: Tensor) -> Tensor:
    """Inverse of a 2D affine map.

    Args:
        matrix (Tensor): (..., 2, 3).

    Returns:
        Tensor: (..., 2, 3).
    """
    (matrix,) = full_precision(matrix)
    (a, b), (c, d) = (row.unbind(-1) for row in matrix[..., :2].unbind(-2))
    inverse = torch.stack((d, -b, -c, a), -1).unflatten(-1, (2, 2)) / (a * d - b * c)[..., None, None]
    shift = -(inverse * matrix[..., None, :, 2]).sum(-1, keepdim=True)
    return torch.cat((inverse, shift), -1)


def transform_points(points: Tensor, matrix: Tensor) -> Tensor:
    """Apply a 2D affine map to points.

    Args:
        points (Tensor): (..., K, 2).
        matrix (Tensor): (..., 2, 3); leading dimensions broadcast against those of ``points``.

    Returns:
        Tensor: (..., K, 2).
    """
    points, matrix = full_precision(points, matrix)
    # Written as products and sums: a matmul would run in half precision under autocast.
    linear, shift = matrix[..., None, :, :2], matrix[..., None, :, 2]
    return (linear * points[..., None, :]).sum(-1) + shift
