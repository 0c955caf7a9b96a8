"""Focal lengths that a user gives, which may be in the wrong unit."""

import math

from mmroi.fileio.images import FILM_DIAGONAL

# Angles of view along the diagonal, in degrees, beyond which a focal length is questioned: the widest lens of
# a phone has 120, the longest zoom of a compact camera 1.
_ANGLES = (1.0, 125.0)


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
