"""Framings: how large a person is in the image, and where."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from mmroi.synthetic.camera import Camera, look_rotation

# Joints whose mean height is the lower end of the image, for each crop of a portrait.
_CUTS = dict(chest=(6, 9), hips=(0, 3), thighs=(1, 2, 4, 5), knees=(4, 5), shins=(4, 5, 7, 8))


class Framing(NamedTuple):
    """Where the first person is.

    Attributes:
        camera: The camera, possibly turned towards the person.
        root: (3,) root joint in the world, meters.
        depth: Depth of the person, meters.
    """

    camera: Camera
    root: np.ndarray
    depth: float


def _place(camera: Camera, center: np.ndarray, depth: float, target: np.ndarray) -> Framing:
    """Place the root so that ``center`` (2,), relative to it in the camera frame, is seen at ``target``."""
    point = np.append((target - camera.principal_point) / camera.focal_length, 1) * depth
    return Framing(camera, camera.rotation.T @ (point - np.append(center, 0)), depth)


def free(
    rng: np.random.Generator,
    config: dict[str, Any],
    camera: Camera,
    vertices: np.ndarray,
    joints: np.ndarray,
) -> Framing:
    """Draw any size and place: within the image, or with a probability cut by it."""
    turned = vertices @ camera.rotation.T
    extent = np.ptp(turned, axis=0)
    size = np.exp(rng.uniform(*np.log(config['person_size'])))
    depth = camera.focal_length * max(extent[0], extent[1]) / (size * min(camera.height, camera.width))
    frame = np.array([camera.width, camera.height], float)
    half = 0.5 * extent[:2] * camera.focal_length / depth
    if rng.random() < config['truncation']:
        target = rng.uniform(-0.05, 1.05, 2) * frame
    else:
        margin = np.minimum(half, 0.5 * frame)
        target = rng.uniform(margin, frame - margin)
    return _place(camera, (turned.max(0) + turned.min(0))[:2] / 2, depth, target)


def photographer(
    rng: np.random.Generator,
    config: dict[str, Any],
    camera: Camera,
    vertices: np.ndarray,
    joints: np.ndarray,
) -> Framing:
    """Aim at the person from a usual height: the whole body, or a portrait that ends at the knees or higher.

    ``config['portraits']`` gives the probability of each crop (keys of ``_CUTS``); the rest are whole bodies.
    With the probability ``config['truncation']`` the left or right edge cuts the person.
    """
    frame = np.array([camera.width, camera.height], float)
    portraits = config['portraits']
    crop = str(rng.choice(['whole', *portraits], p=[1 - sum(portraits.values()), *portraits.values()]))
    # Head, or what is raised above it, and the end of the crop, in the world.
    top, bottom = float(vertices[:, 1].max()), float(vertices[:, 1].min())
    left, right = float(vertices[:, 0].min()), float(vertices[:, 0].max())
    if crop == 'whole':
        size = np.exp(rng.uniform(*np.log(config['person_size'])))
        pixels = size * min(frame[1], frame[0] * (top - bottom) / max(right - left, 1e-3))
        # People stand in the middle or below rather than at the upper edge.
        low, end = bottom, float(rng.uniform(min(pixels, frame[1]), frame[1], 2).max())
    else:
        low = float(np.mean(joints[list(_CUTS[crop]), 1]) + rng.normal(0, 0.04))
        top = min(top, float(joints[15, 1]) + rng.choice([0.17, 1.0], p=[0.4, 0.6]))
        pixels, end = (1 - rng.uniform(-0.03, 0.3)) * frame[1], frame[1]
    depth = camera.focal_length * max(top - low, 0.2) / pixels
    width = 0.5 * (right - left) * camera.focal_length / depth
    if rng.random() < config['truncation']:
        x = rng.choice([-0.8, 0.8]) * width * rng.uniform(0.1, 1.0)
        x = x if x > 0 else frame[0] + x
    else:
        inner = min(width, 0.42 * frame[0])
        x = rng.uniform(inner, frame[0] - inner)
        x = 0.5 * (x + frame[0] * rng.uniform(0.4, 0.6)) if crop != 'whole' else x
    target = np.array([x, end - 0.5 * pixels])
    # The camera's height above the floor and the place in the image determine how far it looks down.
    spec = config['eye_height']
    above = float(np.clip(rng.normal(spec['mean'], spec['std']), spec['low'], spec['high']))
    middle = 0.5 * (top + low)
    drop = np.arctan2(above - (middle - bottom), depth)
    pitch = drop - np.arctan((target[1] - camera.principal_point[1]) / camera.focal_length)
    camera = replace(camera, rotation=look_rotation(float(pitch), camera.roll))
    center = camera.rotation @ np.array([0.5 * (left + right), middle, 0.0])
    return _place(camera, center[:2], depth, target)


FRAMINGS: dict[str, Callable[..., Framing]] = dict(free=free, photographer=photographer)
