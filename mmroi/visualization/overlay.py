"""Meshes on their photograph and from the side."""

from collections.abc import Sequence

import cv2
import numpy as np

from .rendering import render_meshes

PAPER = 246  # Grey level behind views without a photograph.
# The side view looks along -x of the camera frame; the photograph's camera is then at the left.
SIDE_ROTATION = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])


def draw_overlay(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float,
    principal_point: Sequence[float],
    colors: Sequence[Sequence[int]] | None = None,
    opacity: float = 0.9,
) -> np.ndarray:
    """Draws meshes on the photograph with the full camera.

    Args:
        image: BGR photograph, (H, W, 3) uint8.
        vertices: Bodies in the camera frame (`vertices + camera_translation`), (P, V, 3) or (V, 3), metres.
        faces: Triangles of one body, (F, 3).
        focal_length: Pixels.
        principal_point: x, y in pixels.
        colors: One BGR colour for each body.
        opacity: Of the meshes.

    Returns:
        A new picture, (H, W, 3) uint8.
    """
    rendering = render_meshes(vertices, faces, focal_length, principal_point, image.shape[:2], colors)
    return rendering.over(image, opacity)


def draw_side_view(
    vertices: np.ndarray,
    faces: np.ndarray,
    image_size: Sequence[int],
    colors: Sequence[Sequence[int]] | None = None,
    margin: float = 0.08,
) -> np.ndarray:
    """Draws the same bodies turned by 90 degrees about the vertical: the photograph's camera is to the left.

    The view is fitted to the bodies: it shows poses and who stands in front of whom, not sizes in pixels.

    Args:
        vertices: Bodies in the camera frame, (P, V, 3) or (V, 3), metres.
        faces: Triangles of one body, (F, 3).
        image_size: Height and width of the picture.
        colors: One BGR colour for each body.
        margin: Part of the picture left free on each side.

    Returns:
        A picture on light grey, (H, W, 3) uint8.
    """
    height, width = image_size
    paper = np.full((height, width, 3), PAPER, np.uint8)
    vertices = np.asarray(vertices, np.float64)
    if vertices.size == 0:
        return paper
    turned = vertices @ SIDE_ROTATION.T
    turned -= (turned.reshape(-1, 3).max(axis=0) + turned.reshape(-1, 3).min(axis=0)) / 2
    # Far enough for a calm perspective.
    turned[..., 2] += 6 * np.linalg.norm(turned.reshape(-1, 3), axis=1).max()
    plane = turned[..., :2] / turned[..., 2:]
    low, high = plane.reshape(-1, 2).min(axis=0), plane.reshape(-1, 2).max(axis=0)
    focal_length = float(((1 - 2 * margin) * np.array([width, height]) / np.maximum(high - low, 1e-9)).min())
    principal_point = np.array([width - 1, height - 1]) / 2 - focal_length * (low + high) / 2
    return draw_overlay(paper, turned, faces, focal_length, principal_point, colors, opacity=1.0)


def overlay_triptych(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float,
    principal_point: Sequence[float],
    colors: Sequence[Sequence[int]] | None = None,
) -> np.ndarray:
    """Photograph | meshes on it | meshes from the side.

    Args:
        image: BGR photograph, (H, W, 3) uint8.
        vertices: Bodies in the camera frame, (P, V, 3) or (V, 3), metres.
        faces: Triangles of one body, (F, 3).
        focal_length: Pixels.
        principal_point: x, y in pixels.
        colors: One BGR colour for each body.

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
    """Lays pictures out in rows.

    Args:
        images: BGR pictures of any sizes.
        columns: How many stand in a row.
        height: Height of each in the sheet, pixels; widths follow.
        gap: Free space around each, pixels.

    Returns:
        One picture on light grey, uint8.

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
