"""Boxes of crops: squares in MMHuman3D's files, upright in those of ``convert.py``.

SPIN, EFT and CLIFF publish crops by ``center`` and ``scale``. Of these MMHuman3D's converters make the square
of side ``200 * scale`` and ours the box of this height and of aspect 3:4, which is CLIFF's crop as it is, and
SPIN's when it is expanded to a square. A 3:4 crop made from the square would be a third larger.
"""

import numpy as np

ASPECT = 0.75
MARGIN = 1.2  # of published crops around the tight box, which SPIN set
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
