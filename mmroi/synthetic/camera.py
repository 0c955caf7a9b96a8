"""Pinhole cameras of the studio."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

# World frame: x right, y up, z towards the camera if it has no pitch and roll. Half a turn about x gives
# OpenCV's frame.
_WORLD_TO_LEVEL_CAMERA = np.diag([1.0, -1.0, -1.0])


@dataclass
class Camera:
    """A pinhole camera at the origin of the world.

    Attributes:
        focal_length: Pixels.
        principal_point: (2,) pixels, x and y.
        height: Image height in pixels.
        width: Image width in pixels.
        rotation: (3, 3) from the world frame (y up) to the OpenCV camera frame (y down, z forward).
        roll: Roll within ``rotation``, radians.
    """

    focal_length: float
    principal_point: np.ndarray
    height: int
    width: int
    rotation: np.ndarray
    roll: float = 0.0

    @property
    def up(self) -> np.ndarray:
        """The world's up direction (3,) in the camera frame."""
        return self.rotation[:, 1]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points into the image.

        Args:
            points: (..., 3) meters, camera frame.

        Returns:
            (..., 2) image pixels, float64.
        """
        points = np.asarray(points, np.float64)
        return points[..., :2] / points[..., 2:] * self.focal_length + self.principal_point

    def ray(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the directions (..., 3) of image points in the camera frame, with z = 1, float32."""
        px, py = self.principal_point
        directions = ((np.asarray(x) - px) / self.focal_length, (np.asarray(y) - py) / self.focal_length)
        return np.stack([*directions, np.ones_like(directions[0])], axis=-1).astype(np.float32)


def look_rotation(pitch: float, roll: float) -> np.ndarray:
    """Return the rotation (3, 3) of a camera that looks down by ``pitch`` and rolls by ``roll``, radians."""
    # Pitching down moves the scene up in the image, along -y.
    turn = Rotation.from_euler('z', roll) * Rotation.from_euler('x', pitch)
    return turn.as_matrix() @ _WORLD_TO_LEVEL_CAMERA


def _clipped_normal(rng: np.random.Generator, spec: dict[str, float]) -> float:
    return float(np.clip(rng.normal(spec['mean'], spec['std']), spec['low'], spec['high']))


def sample_camera(rng: np.random.Generator, config: dict[str, Any], image_size: int) -> Camera:
    """Draw a camera.

    Args:
        rng: Random generator.
        config: A preset of :mod:`presets`.
        image_size: Long side of the image, pixels.

    Returns:
        A camera; its focal length is within ``config['focal_ratio']`` times the image diagonal.
    """
    ratios, weights = zip(*config['aspects'], strict=True)
    aspect = float(rng.choice(ratios, p=weights))
    width, height = (
        (image_size, round(image_size / aspect)) if aspect >= 1 else (round(image_size * aspect), image_size)
    )
    low, high = np.log(config['focal_ratio'])
    focal = float(np.exp(rng.uniform(low, high))) * float(np.hypot(width, height))
    principal_point = np.array([width / 2, height / 2])
    jitter = rng.normal(size=2) * config['principal_point_jitter'] * image_size
    if rng.random() < 1 / 3:
        principal_point = principal_point + jitter
    pitch, roll = (np.radians(_clipped_normal(rng, config[name])) for name in ('pitch', 'roll'))
    return Camera(focal, principal_point, height, width, look_rotation(pitch, roll), roll)
