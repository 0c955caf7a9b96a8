"""Draw meshes from the side and from above, over a ground grid."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmroi.visualization.colors import Colors
from mmroi.visualization.drawing import PAPER, line, write
from mmroi.visualization.rendering import as_bodies, draw_overlay

# Rows: right, down and forward of a view's camera in the camera frame. The side view looks along -x, with the
# image's camera at the left; the top view looks along y, with the image's camera below.
SIDE = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
ABOVE = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
DISTANCE = 6  # of the view's camera, in radii of the scene; gives a mild perspective
GRID, GRID_METERS = (226, 226, 226), (205, 205, 205)  # lines between whole meters, and at them
WORDS = (150, 150, 150)
MAX_LINES = 40  # of the grid per axis
MIN_METERS = 1.2  # that a view shows: someone from above does not fill it


class ViewCamera(NamedTuple):
    """A pinhole camera other than the image's.

    Attributes:
        rotation: (3, 3) rotation from the image's camera frame.
        translation: (3,) translation after the rotation, meters.
        focal_length: Focal length in pixels.
        principal_point: (2,) x, y in pixels.
    """

    rotation: np.ndarray
    translation: np.ndarray
    focal_length: float
    principal_point: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        """Transform points (..., 3) from the image's camera frame to the view's, meters."""
        return points @ self.rotation.T + self.translation

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points (..., 3) of the image's camera frame to pixels (..., 2)."""
        placed = self.place(points)
        return self.focal_length * placed[..., :2] / placed[..., 2:] + self.principal_point


def fit_view(
    points: np.ndarray, rotation: np.ndarray, image_size: Sequence[int], margin: float
) -> ViewCamera:
    """Fit a view to points, so that they fill the image up to a margin, unless they are small.

    Args:
        points: (K, 3) in the camera frame, meters; K >= 1.
        rotation: (3, 3) rotation of the view.
        image_size: Height and width of the image.
        margin: Fraction of the image to leave free on each side.

    Returns:
        The fitted camera.
    """
    height, width = image_size
    turned = points @ rotation.T
    translation = -(turned.max(axis=0) + turned.min(axis=0)) / 2
    turned = turned + translation
    away = np.array([0, 0, DISTANCE * max(np.linalg.norm(turned, axis=1).max(), 1e-3)])
    turned, translation = turned + away, translation + away
    plane = turned[:, :2] / turned[:, 2:]
    low, high = plane.min(axis=0), plane.max(axis=0)
    size = np.maximum(high - low, MIN_METERS / away[2])
    scale = (1 - 2 * margin) * np.array([width, height]) / size
    focal_length = float(scale.min())
    principal_point = np.array([width - 1, height - 1]) / 2 - focal_length * (low + high) / 2
    return ViewCamera(rotation, translation, focal_length, principal_point)


def draw_side_view(
    vertices: np.ndarray,
    faces: np.ndarray,
    image_size: Sequence[int],
    colors: Colors | None = None,
    margin: float = 0.08,
    grid: bool = True,
) -> np.ndarray:
    """Draw bodies rotated by 90 degrees about the vertical axis: the image's camera is to the left.

    The view is fitted to the bodies, so it shows poses and depth order, not sizes in pixels.

    Args:
        vertices: Bodies in the camera frame, (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3).
        image_size: Height and width of the image.
        colors: One BGR color per body.
        margin: Fraction of the image to leave free on each side.
        grid: Draw a horizontal grid at the lowest point, with darker lines at whole meters.

    Returns:
        BGR image with light gray background, (H, W, 3) uint8; only background if there is no body.

    Raises:
        ValueError: If vertices, faces or colors have the wrong shape or are not finite.
    """
    return _draw_view(SIDE, vertices, faces, image_size, colors, margin, grid)


def draw_top_view(
    vertices: np.ndarray,
    faces: np.ndarray,
    image_size: Sequence[int],
    colors: Colors | None = None,
    margin: float = 0.08,
    grid: bool = True,
) -> np.ndarray:
    """Draw bodies from above: the image's camera is below, its right is right.

    Args:
        vertices: Bodies in the camera frame, (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3).
        image_size: Height and width of the image.
        colors: One BGR color per body.
        margin: Fraction of the image to leave free on each side.
        grid: Draw the ground grid.

    Returns:
        BGR image with light gray background, (H, W, 3) uint8; only background if there is no body.

    Raises:
        ValueError: If vertices, faces or colors have the wrong shape or are not finite.
    """
    return _draw_view(ABOVE, vertices, faces, image_size, colors, margin, grid)


def draw_grid(image: np.ndarray, view: ViewCamera, points: np.ndarray) -> None:
    """Draw a horizontal grid under points, in steps of half a meter or more for large scenes.

    Args:
        image: BGR image, modified in place.
        view: Camera of the view.
        points: (K, 3) points above the ground, in the image's camera frame, meters.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    step = next(s for s in (0.5, 1, 2, 5, 10, 100, 1e9) if (high - low)[[0, 2]].max() / s < MAX_LINES)
    first, last = np.floor(low / step) - 1, np.ceil(high / step) + 1
    ends = np.stack([first, last]) * step
    ends[:, 1] = high[1]
    for axis in (0, 2):
        for k in range(int(first[axis]), int(last[axis]) + 1):
            segment = ends.copy()
            segment[:, axis] = k * step
            start, end = view.project(segment)
            line(image, start, end, GRID_METERS if k * step == round(k * step) else GRID)
    unit = image.shape[0] / 60
    write(image, f'grid {step:g} m', (unit, image.shape[0] - unit), WORDS, 0.8 * unit)


def _draw_view(
    rotation: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    image_size: Sequence[int],
    colors: Colors | None,
    margin: float,
    grid: bool,
) -> np.ndarray:
    paper = np.full((*image_size, 3), PAPER, np.uint8)
    bodies = as_bodies(vertices)
    if bodies.size == 0:
        return paper
    points = bodies.reshape(-1, 3)
    view = fit_view(points, rotation, image_size, margin)
    if grid:
        draw_grid(paper, view, points)
    return draw_overlay(
        paper, view.place(bodies), faces, view.focal_length, view.principal_point, colors, opacity=1.0
    )


def overlay_triptych(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float,
    principal_point: Sequence[float] | np.ndarray,
    colors: Colors | None = None,
) -> np.ndarray:
    """Draw an image | meshes on it | meshes from the side.

    Args:
        image: BGR image, (H, W, 3) uint8.
        vertices: Bodies in the camera frame, (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3).
        focal_length: Focal length in pixels.
        principal_point: x, y in pixels.
        colors: One BGR color per body.

    Returns:
        BGR image, (H, 3 W, 3) uint8.
    """
    return np.hstack(
        [
            image,
            draw_overlay(image, vertices, faces, focal_length, principal_point, colors),
            draw_side_view(vertices, faces, image.shape[:2], colors),
        ]
    )
