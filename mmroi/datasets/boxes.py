"""Bounding boxes of annotation files: margins, and crops published by center and scale.

SPIN, EFT and CLIFF publish crops by ``center`` and ``scale``. MMHuman3D's converters turn them into squares
of side ``200 * scale``, ours into boxes of this height and aspect 3:4, which are CLIFF's crops, and SPIN's
once they are expanded to squares. A 3:4 crop made from the square instead would be a third larger.
"""

import numpy as np

ASPECT = 0.75
MARGIN = 1.2  # of published crops relative to the tight box, as in SPIN
_TOLERANCE = 1e-3  # of the side: boxes may have been stored as corners in single precision


def find_square(boxes: np.ndarray) -> np.ndarray:
    """Find square boxes.

    Args:
        boxes: (R, 4 or more) x, y, width, height.

    Returns:
        (R,) bool.
    """
    width, height = boxes[:, 2], boxes[:, 3]
    return np.abs(width - height) <= _TOLERANCE * np.abs(height)


def make_upright(boxes: np.ndarray) -> np.ndarray:
    """Turn square boxes into boxes of aspect 3:4 with the same center and height, and keep all others.

    Args:
        boxes: (R, 4 or more) x, y, width, height, and any further columns.

    Returns:
        Boxes of the same shape, float64.
    """
    boxes = np.array(boxes, np.float64)
    square = find_square(boxes)
    boxes[square, 0] += (1 - ASPECT) / 2 * boxes[square, 2]
    boxes[square, 2] *= ASPECT
    return boxes


def crop_boxes(centers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Convert crops of SPIN, EFT, CLIFF and BEDLAM to boxes of aspect 3:4.

    ``200 * scale`` is the side of their square crops and the height of CLIFF's 256x192 crops.

    Args:
        centers: (R, 2) pixels.
        scales: (R,) crop size / 200 pixels, including the margin.

    Returns:
        (R, 4) x, y, width, height in pixels.
    """
    heights = np.asarray(scales, np.float64).reshape(-1, 1) * 200
    sizes = np.concatenate([ASPECT * heights, heights], 1)
    return np.concatenate([np.asarray(centers, np.float64) - sizes / 2, sizes], 1)


def keypoint_boxes(keypoints: np.ndarray) -> np.ndarray:
    """Compute tight boxes around keypoints.

    Args:
        keypoints: (R, K, 3) pixels, confidence.

    Returns:
        (R, 4) x, y, width, height around the keypoints with confidence; NaN if there are none.
    """
    seen = keypoints[..., 2:] > 0
    low = np.where(seen, keypoints[..., :2], np.inf).min(1)
    high = np.where(seen, keypoints[..., :2], -np.inf).max(1)
    boxes = np.concatenate([low, high - low], 1)
    return np.where(np.isfinite(boxes), boxes, np.nan)


def enlarge(boxes: np.ndarray, factor: float) -> np.ndarray:
    """Scale boxes about their centers.

    Args:
        boxes: (R, 4) x, y, width, height.
        factor: Scale of width and height.

    Returns:
        (R, 4).
    """
    sizes = factor * boxes[:, 2:]
    return np.concatenate([boxes[:, :2] + (boxes[:, 2:] - sizes) / 2, sizes], 1)


def with_margin(boxes: np.ndarray) -> np.ndarray:
    """Enlarge tight boxes by the margin of published crops, as annotation files hold them.

    Args:
        boxes: (R, 4) x, y, width, height.

    Returns:
        (R, 4), larger by ``MARGIN``.
    """
    return enlarge(boxes, MARGIN)
