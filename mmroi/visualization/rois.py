"""The RoIs of people on their photograph."""

from collections.abc import Sequence

import numpy as np

from mmroi.visualization.arguments import as_colors
from mmroi.visualization.colors import Colors
from mmroi.visualization.strokes import disc, line, write

SHADOW = (40, 40, 40)


def draw_rois(
    image: np.ndarray,
    boxes: np.ndarray,
    principal_point: Sequence[float] | np.ndarray,
    aspect: float = 0.75,
    colors: Colors | None = None,
) -> np.ndarray:
    """Draw the M crops that the network gets of each person; the base box is thicker.

    Args:
        image: BGR photograph, (H, W, 3) uint8; left as it is.
        boxes: (P, M, 3) center x, center y and height, pixels relative to the principal point.
        principal_point: x, y in pixels.
        aspect: Width / height of the crops.
        colors: One BGR color for each person.

    Returns:
        A new picture, (H, W, 3) uint8.

    Raises:
        ValueError: If boxes or colors have another shape or are not finite.
    """
    boxes = np.asarray(boxes, np.float64)
    if boxes.size == 0:
        return image.copy()
    if boxes.ndim != 3 or boxes.shape[2] != 3 or not np.isfinite(boxes).all():
        raise ValueError(f'boxes must be (P, M, 3) and finite, not {boxes.shape}')
    picture = image.copy()
    unit = max(min(image.shape[:2]) / 720, 0.5)  # line width, pixels
    for person, color in zip(boxes, as_colors(colors, len(boxes)), strict=True):
        for roi in reversed(range(len(person))):  # the base box on top
            center = person[roi, :2] + np.asarray(principal_point)
            half = person[roi, 2] / 2 * np.array([aspect, 1])
            corners = [center + half * sign for sign in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            width = unit * (3 if roi == 0 else 1)
            for paint, thickness in ((SHADOW, width + 2 * unit), (color, width)):
                for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
                    line(picture, start, end, paint, thickness)
            disc(picture, center, 2 * unit, color)
            write(picture, str(roi + 1), corners[0] + unit * np.array([3, 12]), color, 9 * unit, SHADOW)
    return picture
