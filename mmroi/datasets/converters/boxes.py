"""Boxes of people, with the margin of published crops.

Files of other projects hold crops, which include a margin, and so do the files written here: the configs of
real data say so (``box_margin``). Tight boxes get the margin that SPIN gives them.
"""

import numpy as np

from mmroi.datasets.upright_boxes import ASPECT, MARGIN


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
