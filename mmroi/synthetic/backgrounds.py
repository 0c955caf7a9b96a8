"""Backgrounds: a room or an outdoor scene in the perspective of the camera, or a blurred real image."""

import cv2
import numpy as np

from mmroi.synthetic.camera import Camera
from mmroi.synthetic.scene import Scene
from mmroi.synthetic.scenery import clutter, furnish, populate_outdoors
from mmroi.synthetic.textures import SCENES, crop, floor_texture, muted, wall_texture

_LINEAR = (np.arange(256, dtype=np.float32) / 255) ** 2.2
_FAR = 80.0  # distance of the horizon, meters


def linear(image: np.ndarray) -> np.ndarray:
    """Convert a uint8 image to linear light (..., 3), float32."""
    return _LINEAR[image]


def camera_rays(camera: Camera) -> np.ndarray:
    """Return the world directions (H, W, 3) of all pixels, with depth 1 along the optical axis, float32."""
    x, y = np.meshgrid(np.arange(camera.width, dtype=np.float32), np.arange(camera.height, dtype=np.float32))
    return camera.ray(x, y) @ camera.rotation.astype(np.float32)


def _wave_noise(rng: np.random.Generator, x: np.ndarray, base: float) -> np.ndarray:
    return np.add.reduce([np.sin(x * (base * 1.9**k) + rng.uniform(0, 6.3)) / 1.7**k for k in range(4)])


def _sample(
    texture: np.ndarray, meters: float, u: np.ndarray, v: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Sample a tiled, mirrored texture at metric coordinates, fading to its mean far away; linear colors."""
    per_meter = texture.shape[0] / meters
    colors = linear(
        cv2.remap(
            texture,
            u * np.float32(per_meter),
            v * np.float32(per_meter),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    )
    fade = np.clip(footprint * np.float32(per_meter / 8), 0, 1)[..., None]
    mean = linear(cv2.resize(texture, (1, 1), interpolation=cv2.INTER_AREA))[0, 0]
    return colors + fade * (mean - colors)


def _sky(rng: np.random.Generator, rays: np.ndarray) -> np.ndarray:
    """Draw a sky above a soft skyline of hills, trees or houses; linear BGR."""
    azimuth = np.arctan2(rays[..., 0], -rays[..., 2])
    elevation = rays[..., 1] / np.hypot(rays[..., 0], rays[..., 2])
    top, low = np.array([235, 190, 150]) * rng.uniform(0.6, 1.0), muted(rng, 190, 250, 0.02)
    t = np.clip(elevation * rng.uniform(1, 2.5), 0, 1)[..., None]
    low, top = (linear(np.clip(color, 0, 255).astype(np.uint8)) for color in (low, top))
    sky = low + t * (top - low)
    skyline = rng.uniform(0.0, 0.2) * (1 + 0.35 * _wave_noise(rng, azimuth, rng.uniform(3, 12)))
    houses = linear(np.clip(muted(rng, 30, 120) + (-8, 8, -4), 0, 255).astype(np.uint8))
    leaves = _wave_noise(rng, azimuth + 2 * elevation, 25) * _wave_noise(rng, elevation - azimuth, 40)
    mottle = 1 + 0.2 * leaves
    cover = np.clip((skyline - elevation) * 60 + 0.5, 0, 1)[..., None]
    return (sky * (1 - cover) + houses * mottle[..., None] * cover).astype(np.float32)


def _walls(
    rng: np.random.Generator, scene: Scene, rays: np.ndarray, reach: np.ndarray, colors: np.ndarray
) -> float:
    """Draw a back wall, and usually a side wall, into ``colors`` and ``reach`` wherever they are nearest.

    Return the distance of the back wall, meters.
    """
    far = max((scene.camera.rotation.T @ p.pelvis * (0, 0, -1)).sum() for p in scene.people) + rng.uniform(
        0.8, 5
    )
    angle = rng.normal(0, 0.25)
    faces = [(np.array([np.sin(angle), 0, -np.cos(angle)]), far)]
    if rng.random() < 0.7:
        sign = rng.choice([-1.0, 1.0])
        faces.append(
            (np.array([sign * np.cos(angle), 0, sign * np.sin(angle)]), rng.uniform(1.2, 5) + 0.15 * far)
        )
    texture, height = wall_texture(rng)
    for normal, distance in faces:
        along = rays @ normal.astype(np.float32)
        with np.errstate(divide='ignore'):
            t = np.where(along > 1e-4, np.float32(distance) / along, np.float32(_FAR * 2))
        hit = t < reach
        tangent = np.array([-normal[2], 0, normal[0]], np.float32)
        v = height - (t * rays[..., 1] + np.float32(scene.floor))
        wall = _sample(
            texture,
            height,
            np.clip(t * (rays @ tangent), -90, 90) + 20,
            np.clip(v, -30, height - 0.01),
            t / np.float32(scene.camera.focal_length),
        ) * np.float32(rng.uniform(0.75, 1.0))
        colors[hit] = wall[hit]
        reach[hit] = t[hit]
    return float(far)


def sample_background(rng: np.random.Generator, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Draw the background of a scene.

    Args:
        rng: Random generator.
        scene: The scene.

    Returns:
        The background (H, W, 3), linear BGR, float32, and a mask (H, W) of the visible floor.
    """
    camera = scene.camera
    rays = camera_rays(camera)
    with np.errstate(divide='ignore'):
        t = np.where(rays[..., 1] < -1e-4, np.float32(-scene.floor) / rays[..., 1], np.float32(_FAR))
    t = np.minimum(t, np.float32(_FAR))
    floor = t < _FAR
    kind = rng.choice(['room', 'outdoors', 'clutter', 'photo'], p=[0.44, 0.31, 0.19, 0.06])
    if kind == 'clutter':
        return linear(clutter(rng, camera.height, camera.width)), floor
    if kind == 'photo':
        name = str(rng.choice(SCENES))
        colors = linear(crop(rng, name, camera.height, camera.width))
        colors = cv2.GaussianBlur(
            colors, (0, 0), rng.uniform(0.6, 4.0) * max(camera.width, camera.height) / 256
        )
        return colors * np.float32(rng.uniform(0.7, 1.2)), floor
    texture, side = floor_texture(rng, kind == 'outdoors')
    turn = rng.uniform(0, 2 * np.pi)
    x, z = t * rays[..., 0], t * rays[..., 2]
    u, v = np.cos(turn) * x + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * x
    # At grazing angles a pixel covers more of the floor.
    footprint = t * np.sqrt(np.abs(t / np.float32(scene.floor))) / np.float32(camera.focal_length)
    ground = _sample(texture, side, u.astype(np.float32), v.astype(np.float32), footprint)
    reach = t.copy()
    if kind == 'outdoors':
        haze = np.clip(t / _FAR, 0, 1)[..., None] ** 2
        colors = np.where(floor[..., None], ground, 0) * (1 - 0.5 * haze) + 0.25 * haze
        colors = np.where(floor[..., None], colors, _sky(rng, rays)).astype(np.float32)
        populate_outdoors(rng, scene, colors)
    else:
        colors = ground
        reach[~floor] = np.inf
        far = _walls(rng, scene, rays, reach, colors)
        if rng.random() < 0.7:
            furnish(rng, scene, colors, far)
    # A long lens, or a person close to the camera, leaves the background out of focus.
    blur = (
        (abs(rng.normal(0, 0.7)) if rng.random() < 0.8 else rng.uniform(1, 4))
        * max(camera.width, camera.height)
        / 256
    )
    if blur > 0.3:
        colors = cv2.GaussianBlur(colors, (0, 0), blur)
    return colors, floor & (reach >= t)
