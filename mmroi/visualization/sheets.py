"""Several pictures in one."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmroi.visualization.colors import Colors
from mmroi.visualization.overlay import PAPER, draw_overlay
from mmroi.visualization.views import draw_side_view


def overlay_triptych(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float,
    principal_point: Sequence[float] | np.ndarray,
    colors: Colors | None = None,
) -> np.ndarray:
    """Photograph | meshes on it | meshes from the side.

    Args:
        image: BGR photograph, (H, W, 3) uint8.
        vertices: Bodies in the camera frame, (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3).
        focal_length: Pixels.
        principal_point: x, y in pixels.
        colors: One BGR color for each body.

    Returns:
        A picture, (H, 3 W, 3) uint8.
    """
    return np.hstack(
        [
            image,
            draw_overlay(image, vertices, faces, focal_length, principal_point, colors),
            draw_side_view(vertices, faces, image.shape[:2], colors),
        ]
    )


def tile_images(images: Sequence[np.ndarray], columns: int, height: int, gap: int = 6) -> np.ndarray:
    """Lay pictures out in rows.

    Args:
        images: BGR pictures of any sizes.
        columns: How many stand in a row.
        height: Height of each in the sheet, pixels; widths follow.
        gap: Free space around each, pixels.

    Returns:
        One picture on light gray, uint8.

    Raises:
        ValueError: If there is no picture.
    """
    if not images:
        raise ValueError('no picture to lay out')
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
