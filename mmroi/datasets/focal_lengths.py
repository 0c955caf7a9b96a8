"""Focal lengths that may be in the wrong unit."""

import math

import numpy as np

from mmroi.fileio.images import FILM_DIAGONAL

# Angles of view along the diagonal, in degrees, beyond which a focal length is questioned: the widest lens of
# a phone has 120, the longest zoom of a compact camera 1.
_ANGLES = (1.0, 125.0)

TO_PIXELS = f'multiply them by the diagonal of the image in pixels and divide by {FILM_DIAGONAL:.4g}'
"""What to do with focal lengths in mm (35 mm equivalent)."""


def question_focal_length(focal_length: float, height: int, width: int) -> str | None:
    """Question a focal length that gives an implausible angle of view.

    Args:
        focal_length: Pixels.
        height: Of the image, pixels.
        width: Of the image, pixels.

    Returns:
        A sentence with the angle, and with the focal length in pixels if millimeters may have been meant;
        None for a plausible one.
    """
    diagonal = math.hypot(height, width)
    angle = math.degrees(2 * math.atan2(diagonal, 2 * focal_length))
    if _ANGLES[0] <= angle <= _ANGLES[1]:
        return None
    question = (
        f'a focal length of {focal_length:g} pixels means an angle of view of {angle:.3g} degrees for '
        f'{width} x {height} pixels; the usual estimate is the diagonal, {diagonal:.0f} pixels'
    )
    if angle > _ANGLES[1]:
        pixels = focal_length * diagonal / FILM_DIAGONAL
        question += f'. If it is {focal_length:g} mm (35 mm equivalent), give {pixels:.0f} pixels'
    return question


def question_focal_lengths(
    focal_length: np.ndarray, bbox: np.ndarray, principal_point: np.ndarray | None = None
) -> tuple[int, float] | None:
    """Question the focal lengths of a file whose images have not been read.

    An image is at least as large as what is known of it: it reaches to the far corner of the box, and its
    principal point is near its center. A crop of a larger image is smaller still, and so passes.

    Args:
        focal_length: (R,) or (R, 2), pixels.
        bbox: (R, 4) x, y, width, height, pixels.
        principal_point: (R, 2) pixels; None if unknown.

    Returns:
        The first implausible row and its least angle of view in degrees, if more than half of the rows are
        implausible; else None. A few boxes may reach far beyond their image.
    """
    longest = focal_length.reshape(len(bbox), -1).max(1)
    diagonals = least_diagonals(bbox)
    if principal_point is not None:
        diagonals = np.maximum(diagonals, 2 * np.linalg.norm(principal_point, axis=1))
    angles = np.degrees(2 * np.arctan2(diagonals, 2 * longest))
    found = np.flatnonzero(angles > _ANGLES[1])
    return (int(found[0]), float(angles[found[0]])) if 2 * len(found) > len(bbox) else None


def least_diagonals(bbox: np.ndarray) -> np.ndarray:
    """Return the distance from the corner of the image to the far corner of each box.

    Args:
        bbox: (R, 4) x, y, width, height, pixels.

    Returns:
        (R,) pixels.
    """
    right, bottom = np.maximum(bbox[:, :2] + bbox[:, 2:4], 0).T
    return np.hypot(right, bottom)
