"""Boxes of people, without margin.

``GetPersonBox`` enlarges every box by 1.2. Files of other projects hold crops, which are enlarged already;
taken as they are, a person would appear smaller than to the published models. So boxes written here have no
margin.
"""
import numpy as np

MARGIN = 1.2  # of published crops, and of GetPersonBox
_ASPECT = 0.75


def person_boxes(centers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Boxes from the crops of SPIN, EFT, CLIFF and BEDLAM.

    ``200 * scale`` is the side of their square crops, and the height of CLIFF's 256x192 crops. From an
    upright box of aspect 3:4 ``GetPersonBox`` makes exactly these again: the square for square crops, the 3:4
    crop for 3:4 ones.

    Args:
        centers: (R, 2) pixels.
        scales: (R,) crop size / 200 pixels, margin included.

    Returns:
        (R, 4) x, y, width, height in pixels.
    """
    heights = np.asarray(scales, np.float64).reshape(-1, 1) * 200 / MARGIN
    sizes = np.concatenate([_ASPECT * heights, heights], 1)
    return np.concatenate([np.asarray(centers, np.float64) - sizes / 2, sizes], 1)


def keypoint_boxes(keypoints: np.ndarray) -> np.ndarray:
    """Boxes around keypoints.

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
    """Boxes scaled about their centres.

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
