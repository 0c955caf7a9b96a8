"""Draw anti-aliased lines, discs and text, and tile images."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import cv2
import numpy as np

Color: TypeAlias = Sequence[int] | np.ndarray  # blue, green, red of 0 to 255
_SUBPIXEL = 4  # fractional bits of OpenCV's coordinates
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def line(
    image: np.ndarray, start: Iterable[float], end: Iterable[float], color: Color, width: float = 1.0
) -> None:
    """Draw an anti-aliased line; its ends may be far outside the image.

    Args:
        image: BGR image, modified in place.
        start: x, y in pixels; further values are ignored.
        end: As ``start``.
        color: BGR.
        width: Line width in pixels.
    """
    cv2.line(image, _fixed(start), _fixed(end), _plain(color), max(round(width), 1), cv2.LINE_AA, _SUBPIXEL)


def disc(image: np.ndarray, at: Iterable[float], radius: float, color: Color, width: float = 0) -> None:
    """Draw an anti-aliased disc or ring.

    Args:
        image: BGR image, modified in place.
        at: x, y in pixels; further values are ignored.
        radius: Radius in pixels.
        color: BGR.
        width: Line width of the ring in pixels; 0 fills the disc.
    """
    thickness = max(round(width), 1) if width > 0 else -1
    size = round(radius * 2**_SUBPIXEL)
    cv2.circle(image, _fixed(at), size, _plain(color), thickness, cv2.LINE_AA, _SUBPIXEL)


def write(
    image: np.ndarray,
    text: str,
    at: Iterable[float],
    color: Color,
    height: float = 12,
    halo: Color | None = None,
) -> None:
    """Write a line of text.

    Args:
        image: BGR image, modified in place.
        text: ASCII text.
        at: x, y of the lower left corner, pixels.
        color: BGR.
        height: Height of a capital letter, pixels.
        halo: Color around the letters, for busy backgrounds.
    """
    x, y = (round(float(value)) for value in list(at)[:2])
    scale, width = height / 22, max(round(height / 11), 1)
    for paint, thickness in ((halo, 3 * width), (color, width)):
        if paint is not None:
            cv2.putText(image, text, (x, y), _FONT, scale, _plain(paint), thickness, cv2.LINE_AA)


def _plain(color: Color) -> tuple[int, ...]:
    return tuple(int(c) for c in color)


def _fixed(point: Iterable[float]) -> tuple[int, int]:
    x, y = np.clip(np.asarray(list(point))[:2], -1e5, 1e5) * 2**_SUBPIXEL
    return round(float(x)), round(float(y))


PAPER = 246  # gray level of empty areas


def tile_images(images: Sequence[np.ndarray], columns: int, height: int, gap: int = 6) -> np.ndarray:
    """Tile images in rows.

    Args:
        images: BGR images of any sizes.
        columns: Number of images per row.
        height: Height that images are scaled to, pixels; aspect ratios are kept.
        gap: Space around each image, pixels.

    Returns:
        BGR image with light gray background, uint8.

    Raises:
        ValueError: If there is no image.
    """
    if not images:
        raise ValueError('no image to tile')
    scaled = []
    for image in images:
        size = (max(round(image.shape[1] * height / image.shape[0]), 1), height)
        scaled.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    rows = [scaled[i : i + columns] for i in range(0, len(scaled), columns)]
    widths = [max(row[k].shape[1] for row in rows if k < len(row)) for k in range(min(columns, len(scaled)))]
    sheet = np.full(
        (gap + (height + gap) * len(rows), gap + sum(w + gap for w in widths), 3), PAPER, np.uint8
    )
    for i, row in enumerate(rows):
        for k, image in enumerate(row):
            x = gap + sum(w + gap for w in widths[:k])
            y = gap + (height + gap) * i
            sheet[y : y + height, x : x + image.shape[1]] = image
    return sheet
