"""Draw anti-aliased lines, discs, text and labels, and tile images."""

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
    scale, width = _font(height)
    for paint, thickness in ((halo, 3 * width), (color, width)):
        if paint is not None:
            cv2.putText(image, text, (x, y), _FONT, scale, _plain(paint), thickness, cv2.LINE_AA)


class Labels:
    """Writes labels that neither cover each other nor leave the image.

    Args:
        image: BGR image, modified in place.
    """

    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        self._taken = np.zeros((0, 4))  # x1, y1, x2, y2

    def reserve(self, at: Iterable[float], radius: float) -> None:
        """Keep labels off a square.

        Args:
            at: x, y of its center, pixels; further values are ignored.
            radius: Half its side, pixels.
        """
        x, y = list(at)[:2]
        self._take(x - radius, y - radius, x + radius, y + radius)

    def write(
        self,
        text: str,
        places: Iterable[Sequence[float] | np.ndarray],
        color: Color,
        height: float = 12,
        halo: Color | None = None,
    ) -> bool:
        """Write a label at the first place that is free.

        Args:
            text: ASCII text.
            places: x, y of the lower left corner, pixels, in the order of preference.
            color: BGR.
            height: Height of a capital letter, pixels.
            halo: Color around the letters.

        Returns:
            Whether a place was free; else nothing is written.
        """
        width = text_width(text, height)
        for x, y in places:
            box = x, y - height, x + width, y
            if not self._is_free(*box):
                continue
            self._take(*box)
            write(self._image, text, (x, y), color, height, halo)
            return True
        return False

    def _is_free(self, x1: float, y1: float, x2: float, y2: float) -> bool:
        rows, columns = self._image.shape[:2]
        if x1 < 0 or y1 < 0 or x2 > columns or y2 > rows:
            return False
        left, top, right, bottom = self._taken.T
        return not ((x1 < right) & (left < x2) & (y1 < bottom) & (top < y2)).any()

    def _take(self, *box: float) -> None:
        self._taken = np.vstack([self._taken, box])


def text_width(text: str, height: float) -> int:
    """Return the width of a line of text in pixels for a height of capital letters."""
    return cv2.getTextSize(text, _FONT, *_font(height))[0][0]


def _font(height: float) -> tuple[float, int]:
    """Return OpenCV's scale and line width for a height of capital letters in pixels."""
    return height / 22, max(round(height / 11), 1)


def _plain(color: Color) -> tuple[int, ...]:
    return tuple(int(c) for c in color)


def _fixed(point: Iterable[float]) -> tuple[int, int]:
    x, y = np.clip(np.asarray(list(point))[:2], -1e5, 1e5) * 2**_SUBPIXEL
    return round(float(x)), round(float(y))


PAPER = 246  # gray level of empty areas
TITLE = (70, 70, 70)


def tile_images(
    images: Sequence[np.ndarray], columns: int, height: int, gap: int = 6, titles: Sequence[str] = ()
) -> np.ndarray:
    """Tile images in rows.

    Args:
        images: BGR images of any sizes.
        columns: Number of images per row.
        height: Height that images are scaled to, pixels; aspect ratios are kept.
        gap: Space around each image, pixels.
        titles: ASCII text above each image, in a line of a fifteenth of the height; none by default.

    Returns:
        BGR image with light gray background, uint8.

    Raises:
        ValueError: If there is no image, or not a title for each.
    """
    if not images:
        raise ValueError('no image to tile')
    if titles and len(titles) != len(images):
        raise ValueError(f'{len(titles)} titles for {len(images)} images')
    above = round(height / 15) if titles else 0
    scaled = []
    for image in images:
        size = (max(round(image.shape[1] * height / image.shape[0]), 1), height)
        scaled.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    rows = [scaled[i : i + columns] for i in range(0, len(scaled), columns)]
    widths = [max(row[k].shape[1] for row in rows if k < len(row)) for k in range(min(columns, len(scaled)))]
    step = above + height + gap
    sheet = np.full((gap + step * len(rows), gap + sum(w + gap for w in widths), 3), PAPER, np.uint8)
    for i, row in enumerate(rows):
        for k, image in enumerate(row):
            x = gap + sum(w + gap for w in widths[:k])
            y = gap + step * i + above
            if titles:
                write(sheet, titles[i * columns + k], (x, y - 0.3 * above), TITLE, 0.38 * above)
            sheet[y : y + height, x : x + image.shape[1]] = image
    return sheet
