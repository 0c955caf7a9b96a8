"""Colors of people, the same in every image and file."""

import colorsys
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

Colors: TypeAlias = Sequence[Sequence[int]] | np.ndarray  # blue, green, red (0-255) of each person

# BGR colors of the first people. The first is the light blue that is usual for SMPL meshes.
PALETTE = (
    (238, 186, 140),
    (136, 204, 238),
    (153, 221, 170),
    (187, 170, 255),
    (130, 221, 238),
    (221, 204, 153),
)
_GOLDEN_RATIO = 0.5 * (5**0.5 - 1)


def person_colors(ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return colors by identity: a person keeps a color whoever else is in the frame.

    The first ids get the colors of ``PALETTE``. Hues of further ids advance around the color circle by the
    golden ratio, so that consecutive ids look different.

    Args:
        ids: Number of each person, as assigned by a tracker.

    Returns:
        One BGR color (0-255) per person.
    """
    return [_color(int(i)) for i in ids]


def _color(number: int) -> tuple[int, int, int]:
    if 0 <= number < len(PALETTE):
        return PALETTE[number]
    red, green, blue = colorsys.hls_to_rgb(number * _GOLDEN_RATIO % 1, 0.72, 0.6)
    return round(255 * blue), round(255 * green), round(255 * red)


def as_colors(colors: Colors | None, count: int) -> np.ndarray:
    """Return the colors of people as an array.

    Args:
        colors: One BGR color (0-255) per person; None for those of the first ids.
        count: Number of people.

    Returns:
        (P, 3) int64.

    Raises:
        ValueError: Unless there is one BGR color of 0 to 255 per person.
    """
    result = np.array(person_colors(range(count)) if colors is None else colors, np.float64)
    if count == 0:
        return np.zeros((0, 3), np.int64)
    if result.shape != (count, 3) or not ((result >= 0) & (result <= 255)).all():
        raise ValueError(f'colors must be one (blue, green, red) of 0 to 255 for each of {count} people')
    return np.rint(result).astype(np.int64)


def linear_color(color: np.ndarray) -> np.ndarray:
    """Convert sRGB to linear light, which glTF's color factors are defined in.

    Args:
        color: (..., 3) sRGB, 0-255.

    Returns:
        (..., 3) float64, 0-1.
    """
    share = np.asarray(color) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
