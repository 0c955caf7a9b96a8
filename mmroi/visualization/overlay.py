"""Meshes on their photograph."""

from collections.abc import Sequence

import numpy as np

from mmroi.visualization.colors import Colors
from mmroi.visualization.rendering import render_meshes

PAPER = 246  # Gray level behind views without a photograph.


def draw_overlay(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float | Sequence[float] | np.ndarray,
    principal_point: Sequence[float] | np.ndarray,
    colors: Colors | None = None,
    opacity: float = 0.9,
) -> np.ndarray:
    """Draw meshes on the photograph with the full camera.

    Args:
        image: BGR photograph, (H, W, 3) uint8.
        vertices: Bodies in the camera frame (``vertices + camera_translation``), (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3).
        focal_length: Pixels; one number, or those along x and y.
        principal_point: x, y in pixels.
        colors: One BGR color for each body.
        opacity: Of the meshes.

    Returns:
        A new picture, (H, W, 3) uint8.
    """
    rendering = render_meshes(vertices, faces, focal_length, principal_point, image.shape[:2], colors)
    return rendering.over(image, opacity)
