"""Person boxes, sets of regions of interest (RoIs) and the affine maps of their crops.

A box is ``(c_x, c_y, b)``: center and *height* of the crop in pixels of the full image; the crop's width is
``b * W_crop / H_crop``. Unless stated otherwise the center is relative to the principal point. Pixel centers
lie at integer coordinates (OpenCV).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmroi.geometry.precision import align_leading, full_precision

# (dx, dy, scale) in units of b. The first five are the paper's (section 3.5). The paper stops at five; the
# four diagonal ones extend the set to larger M.
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

# CLIFF's statistics of a box in units of 1/50: center gain 2.8, mean of b/f 0.24, spread of b/f 0.06.
# Integers are exact in ONNX files, where torch.onnx rounds other numbers to float32.
_CENTER_GAIN, _SIZE_MEAN, _SIZE_STD = 140, 12, 3


def expand_to_aspect(bbox_xywh: Tensor, aspect: float = 0.75, scale: float = 1.2) -> Tensor:
    """Fit the smallest box with the crop's aspect ratio around a bounding box, and enlarge it.

    Args:
        bbox_xywh: (..., 4) left, top, width, height in image pixels.
        aspect: Width / height of the crop (192 / 256).
        scale: Enlargement; CLIFF evaluates with 1.2.

    Returns:
        (..., 3) center **in image coordinates** and height b; subtract the principal point from the
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
        wanted = 'at least 1' if maximum is None else f'between 1 and {maximum}'
        raise ValueError(f'num_rois must be {wanted}, got {num_rois}')


def roi_offsets(num_rois: int) -> Tensor:
    """Return the fixed RoI set (paper section 3.5): the base box and shifted, rescaled copies.

    Args:
        num_rois: M, from 1 to 9; the first five rows are the paper's.

    Returns:
        (M, 3) float64 rows ``(dx, dy, scale)``, shifts in units of b.

    Raises:
        ValueError: If ``num_rois`` is out of range.
    """
    _check_num_rois(num_rois, MAX_ROIS)
    return torch.tensor(_ROI_OFFSETS[:num_rois], dtype=torch.float64)


def random_roi_offsets(num_rois: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw the random RoI set of the paper's ablation: the base box, then boxes in the fixed set's range.

    Args:
        num_rois: M >= 1.
        generator: Random generator; torch's global one by default.

    Returns:
        (M, 3) float64 rows ``(dx, dy, scale)``; shifts uniform in [-0.1, 0.1], scale log-uniform in
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
    """Build the boxes of all RoIs of a base box.

    Args:
        box: (..., 3) base box.
        offsets: (M, 3) rows ``(dx, dy, scale)`` of :func:`roi_offsets`.

    Returns:
        (..., M, 3) boxes ``(c_x + dx b, c_y + dy b, scale b)``.
    """
    box, offsets = full_precision(box, offsets)
    center, size = box[..., None, :2], box[..., None, 2:]
    return torch.cat((center + offsets[:, :2] * size, offsets[:, 2:] * size), -1)


def context_box(boxes: Tensor, crop_size: tuple[int, int], context_size: tuple[int, int]) -> Tensor:
    """Build the box of the context crop, one crop for all RoIs: the smallest of its aspect around them.

    Args:
        boxes: (..., M, 3) boxes of the RoIs.
        crop_size: (H, W) of a RoI's crop, whose aspect the RoIs have.
        context_size: (H, W) of the context crop.

    Returns:
        (..., 3) box with the aspect of ``context_size``, in the same frame.
    """
    low, high = _corners(boxes, crop_size)
    low, high = low.amin(-2), high.amax(-2)
    width, height = (high - low).unbind(-1)
    size = torch.maximum(height, width * context_size[0] / context_size[1])
    return torch.cat(((low + high) / 2, size[..., None]), -1)


def rois_in_context(boxes: Tensor, crop_size: tuple[int, int], context_size: tuple[int, int]) -> Tensor:
    """Find the RoIs in their context crop.

    Args:
        boxes: (..., M, 3) boxes of the RoIs.
        crop_size: (H, W) of a RoI's crop, whose aspect the RoIs have.
        context_size: (H, W) of the context crop.

    Returns:
        (..., M, 4) left, top, right and bottom as fractions of the context crop's width and height, 0 to 1.
    """
    context = context_box(boxes, crop_size, context_size)[..., None, :]
    start, end = _corners(context, context_size)
    return torch.cat([(corner - start) / (end - start) for corner in _corners(boxes, crop_size)], -1)


def _corners(boxes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the left upper and right lower corners (..., 2) of boxes with the aspect of ``size``."""
    (boxes,) = full_precision(boxes)
    center, b = boxes[..., :2], boxes[..., 2:]
    half = torch.cat((b * size[1] / (2 * size[0]), b / 2), -1)  # by integers, which are exact in ONNX files
    return center - half, center + half


def encode_box(boxes: Tensor, focal_length: Tensor | float) -> Tensor:
    """Encode boxes as the three numbers the network sees, with CLIFF's normalization.

    Args:
        boxes: (..., 3) pixels, relative to the principal point.
        focal_length: Pixels; its shape matches the leading dimensions of ``boxes``.

    Returns:
        (..., 3) ``(2.8 c_x / f, 2.8 c_y / f, (b - 0.24 f) / (0.06 f))``.
    """
    boxes, focal = full_precision(boxes, focal_length)
    relative = boxes / align_leading(focal, boxes.ndim)
    center, size = relative[..., :2] * _CENTER_GAIN / 50, (relative[..., 2:] * 50 - _SIZE_MEAN) / _SIZE_STD
    return torch.cat((center, size), -1)


def decode_box(encoded: Tensor, focal_length: Tensor | float) -> Tensor:
    """Invert :func:`encode_box`.

    Args:
        encoded: (..., 3).
        focal_length: Pixels; its shape matches the leading dimensions of ``encoded``.

    Returns:
        (..., 3) boxes in pixels.
    """
    encoded, focal = full_precision(encoded, focal_length)
    relative = torch.cat(
        (encoded[..., :2] * 50 / _CENTER_GAIN, (encoded[..., 2:] * _SIZE_STD + _SIZE_MEAN) / 50), -1
    )
    return relative * align_leading(focal, encoded.ndim)


def crop_matrix(
    box: Tensor, principal_point: Tensor, crop_size: tuple[int, int], aug_matrix: Tensor | None = None
) -> Tensor:
    """Build the affine map from pixels of the original image to pixels of a crop.

    A point p of the augmented frame (relative to the principal point) lands at
    ``(p - c) H_crop / b + (W_crop / 2, H_crop / 2)``.

    Args:
        box: (..., 3) box in the augmented frame.
        principal_point: (..., 2) of the original image, pixels; leading dimensions broadcast.
        crop_size: (H_crop, W_crop).
        aug_matrix: (..., 3, 3) homogeneous map of points relative to the principal point,
            from the original to the augmented frame: a product of :func:`~mmroi.geometry.roll_matrix`,
            :func:`~mmroi.geometry.mirror_matrix` and, applied first, the scaling of the axes that makes two
            different focal lengths equal. Identity by default.

    Returns:
        (..., 2, 3), as ``cv2.warpAffine`` takes it (without ``WARP_INVERSE_MAP``).

    Raises:
        ValueError: If a box is not finite or its size is not positive.
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
