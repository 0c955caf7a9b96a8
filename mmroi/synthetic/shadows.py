"""Soft shadows of people on the floor: cast away from the main light, and the dark where they touch it."""

import cv2
import numpy as np

from mmroi.synthetic.scene import Scene


def _splat(scene: Scene, points: np.ndarray, weights: np.ndarray, softness: float) -> np.ndarray:
    """Density (H, W) of points on the floor, blurred over ``softness`` meters; 1 where they lie close."""
    camera = scene.camera
    keep = points[:, 2] > 0.2
    points, weights = points[keep], weights[keep]
    if not len(points):
        return np.zeros((camera.height, camera.width), np.float32)
    meter = camera.focal_length / float(np.median(points[:, 2]))
    cell = float(np.clip(0.04 * meter, 2.0, 24.0))
    rows, columns = int(np.ceil(camera.height / cell)), int(np.ceil(camera.width / cell))
    x, y = np.floor((camera.project(points) + 0.5) / cell).astype(int).T
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    grid = np.bincount(y[inside] * columns + x[inside], weights[inside], rows * columns).reshape(
        rows, columns
    )
    blurred = cv2.GaussianBlur(grid.astype(np.float32), (0, 0), max(softness * meter / cell, 0.8))
    full = cv2.resize(blurred, None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR)
    # About this many vertices (1.5 cm apart) fall into a cell that the body covers.
    return full[: camera.height, : camera.width] / np.float32(0.4 * (cell / (0.015 * meter)) ** 2 + 0.2)


def floor_shadow(scene: Scene, light: np.ndarray, strength: float, softness: float) -> np.ndarray:
    """How much light is left on the floor.

    Args:
        scene: The scene.
        light: (3,) unit vector towards the main light, camera frame.
        strength: Share of the light that comes from it, 0 to 1.
        softness: Blur of the cast shadow, meters.

    Returns:
        (H, W) float32 factors of at most 1 for the floor's color.
    """
    up = scene.camera.up
    points = np.concatenate(
        [p.vertices for p in scene.people] + [_filled(box.corners) for box in scene.boxes]
    )
    height = np.maximum(points @ up + scene.floor, 0)
    cast = points - (height / max(float(light @ up), 0.2))[:, None] * light
    dark = 1 - np.exp(-2.0 * _splat(scene, cast, np.ones(len(points)), softness))
    below = points - height[:, None] * up
    contact = 1 - np.exp(-1.2 * _splat(scene, below, np.exp(-height / 0.1), 0.04))
    return ((1 - strength * dark) * (1 - 0.55 * contact)).astype(np.float32)


def _filled(corners: np.ndarray) -> np.ndarray:
    """Points (n, 3) in a box of corners (8, 3)."""
    t = np.stack(np.meshgrid(*[np.linspace(0, 1, 14)] * 3, indexing='ij'), -1).reshape(-1, 3)
    return corners[0] + t @ (corners[[1, 2, 4]] - corners[0])
