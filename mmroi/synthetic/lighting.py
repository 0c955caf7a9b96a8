"""Lights (main, fill and ambient), Lambert and Blinn-Phong shading, and soft shadows on the floor."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmroi.synthetic.camera import Camera
from mmroi.synthetic.scene import Scene


@dataclass
class Lights:
    """Lights in the camera frame.

    Attributes:
        directions: (2, 3) unit vectors towards the main and the fill light.
        colors: (2, 3) linear RGB of the two lights.
        up: (3,) the world's up direction.
        sky: (3,) ambient light from above, linear RGB.
        ground: (3,) ambient light from below, linear RGB.
    """

    directions: np.ndarray
    colors: np.ndarray
    up: np.ndarray
    sky: np.ndarray
    ground: np.ndarray

    def shade(
        self,
        albedo: np.ndarray,
        normals: np.ndarray,
        rays: np.ndarray,
        gloss: np.ndarray,
        occlusion: np.ndarray,
    ) -> np.ndarray:
        """Compute the light that surface points reflect towards the camera.

        Args:
            albedo: (n, 3) linear RGB.
            normals: (n, 3) unit vectors, camera frame.
            rays: (n, 3) directions from the camera, not normalized.
            gloss: (n,) strength of the highlight.
            occlusion: (n,) 1 in the open, less in folds; dims ambient light and part of the direct light.

        Returns:
            (n, 3) linear RGB, float32.
        """
        half_up = (0.5 + 0.5 * normals @ self.up.astype(np.float32))[:, None]
        ground, sky = self.ground.astype(np.float32), self.sky.astype(np.float32)
        light = (ground + half_up * (sky - ground)) * occlusion[:, None]
        view = -rays / np.sqrt(np.einsum('nc,nc->n', rays, rays))[:, None]
        shine = np.zeros(len(albedo), np.float32)
        for direction, color in zip(
            self.directions.astype(np.float32), self.colors.astype(np.float32), strict=True
        ):
            lambert = np.maximum(normals @ direction, 0) * (0.4 + 0.6 * occlusion)
            light += lambert[:, None] * color
            halfway = view + direction
            cosine = np.maximum(np.einsum('nc,nc->n', normals, halfway), 0) / np.sqrt(
                np.einsum('nc,nc->n', halfway, halfway) + 1e-12
            )
            shine += cosine**24 * float(color.mean()) * occlusion
        return albedo * light + (gloss * shine)[:, None]


def sample_lights(rng: np.random.Generator, camera: Camera, surroundings: np.ndarray) -> Lights:
    """Draw the lights.

    Args:
        rng: Random generator.
        camera: The camera; lights shine from above in its world frame.
        surroundings: (3,) mean linear RGB of the background, which tints the ambient light.
    """
    directions = []
    for low, high in ((0.35, 1.3), (0.0, 0.6)):
        azimuth, elevation = rng.uniform(-np.pi, np.pi), rng.uniform(low, high)
        # Light from behind the camera is more common than light into it.
        if np.cos(azimuth) < 0 and rng.random() < 0.6:
            azimuth = np.pi - azimuth
        world = np.array(
            [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)]
        )
        directions.append(camera.rotation @ world)
    warmth = rng.normal(0, 0.07)
    tint = np.exp(np.array([warmth, 0, -warmth]))
    hardness = rng.uniform(0.15, 1.0)
    around = surroundings / max(float(surroundings.mean()), 1e-3)
    ambient = rng.uniform(0.55, 0.8) - 0.3 * hardness
    sky = ambient * (0.55 + 0.45 * around) * np.exp(np.array([-0.5, 0, 0.5]) * warmth)
    colors = np.stack([(0.25 + 0.85 * hardness) * tint, rng.uniform(0.05, 0.25) * around])
    return Lights(np.array(directions), colors, camera.up, sky, sky * (0.3 + 0.35 * around))


def floor_shadow(scene: Scene, light: np.ndarray, strength: float, softness: float) -> np.ndarray:
    """Compute the shadow that people and boxes cast on the floor, and the darkening where they touch it.

    Args:
        scene: The scene.
        light: (3,) unit vector towards the main light, camera frame.
        strength: Share of the main light in the total light, 0 to 1.
        softness: Blur of the cast shadow, meters.

    Returns:
        (H, W) float32 factors, at most 1, for the floor's color.
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
    """Fill a box with corners (8, 3) by a grid of points (n, 3)."""
    t = np.stack(np.meshgrid(*[np.linspace(0, 1, 14)] * 3, indexing='ij'), -1).reshape(-1, 3)
    return corners[0] + t @ (corners[[1, 2, 4]] - corners[0])


def _splat(scene: Scene, points: np.ndarray, weights: np.ndarray, softness: float) -> np.ndarray:
    """Compute the density (H, W) of points on the floor, 1 where dense, blurred over ``softness`` meters."""
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
    # Normalize by the number of vertices (1.5 cm apart) in a cell that the body covers.
    return full[: camera.height, : camera.width] / np.float32(0.4 * (cell / (0.015 * meter)) ** 2 + 0.2)
