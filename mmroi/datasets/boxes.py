"""Bounding boxes of annotation files: margins, and crops published by center and scale.

SPIN, EFT and CLIFF publish crops by ``center`` and ``scale``. MMHuman3D's converters turn these into squares
of side ``200 * scale``, ours into boxes of this height and aspect 3:4, which are CLIFF's crops as they are and
SPIN's once expanded to squares. Taking a 3:4 crop from the square instead would make it a third larger.
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
        np.ndarray: (R,) bool.
    """
    width, height = boxes[:, 2], boxes[:, 3]
    return np.abs(width - height) <= _TOLERANCE * np.abs(height)


def make_upright(boxes: np.ndarray) -> np.ndarray:
    """Read square boxes as the boxes of aspect 3:4 with the same center and height; others stay.

    Args:
        boxes: (R, 4 or more) x, y, width, height, anything (confidence).

    Returns:
        np.ndarray: Of the same shape, float64.
    """
    boxes = np.array(boxes, np.float64)
    square = find_square(boxes)
    boxes[square, 0] += (1 - ASPECT) / 2 * boxes[square, 2]
    boxes[square, 2] *= ASPECT
    return boxes


def crop_boxes(centers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Boxes from the crops of SPIN, EFT, CLIFF and BEDLAM.

    ``200 * scale`` is the side of their square crops, and the height of CLIFF's 256x192 crops. An upright box
    of aspect 3:4 stands for both: expanded to a square it is the one, and as it is the other.

    Args:
        centers: (R, 2) pixels.
        scales: (R,) crop size / 200 pixels, margin included.

    Returns:
        (R, 4) x, y, width, height in pixels.
    """
    heights = np.asarray(scales, np.float64).reshape(-1, 1) * 200
    sizes = np.concatenate([ASPECT * heights, heights], 1)
    return np.concatenate([np.asarray(centers, np.float64) - sizes / 2, sizes], 1)


def keypoint_boxes(keypoints: np.ndarray) -> np.ndarray:
    """Tight boxes around keypoints.

    Args:
        keypoints: (R, K, 3) pixels, confidence.

    Returns:
        (R, 4) x, y, width, height around the joints with confidence; NaN where there is none.
    """
    seen = keypoints[..., 2:] > 0
    low = np.where(seen, keypoints[..., :2], np.inf).min(1)
    high = np.where(seen, keypoints[..., :2], -np.inf).max(1)
    boxes = np.concatenate([low, high - low], 1)
    return np.where(np.isfinite(boxes), boxes, np.nan)


def enlarge(boxes: np.ndarray, factor: float) -> np.ndarray:
    """Boxes scaled about their centers.

    Args:
        boxes: (R, 4) x, y, width, height.
        factor: Of width and height.

    Returns:
        (R, 4).
    """
    sizes = factor * boxes[:, 2:]
    return np.concatenate([boxes[:, :2] + (boxes[:, 2:] - sizes) / 2, sizes], 1)


def with_margin(boxes: np.ndarray) -> np.ndarray:
    """Tight boxes as the annotation files hold them, with the margin of published crops.

    Args:
        boxes: (R, 4) x, y, width, height around people.

    Returns:
        (R, 4), larger by ``MARGIN``.
    """
    return enlarge(boxes, MARGIN)
