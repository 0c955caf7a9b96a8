"""What is behind the people: a room, the open air, or a photograph; in perspective where there is a floor."""

from functools import cache

import cv2
import numpy as np

from mmroi.synthetic import photographs
from mmroi.synthetic.camera import Camera
from mmroi.synthetic.scene import Scene

_LINEAR = (np.arange(256, dtype=np.float32) / 255) ** 2.2
_FAR = 80.0  # meters; the horizon's haze begins long before


def linear(image: np.ndarray) -> np.ndarray:
    """Linear light (..., 3) float32 of a uint8 image."""
    return _LINEAR[image]


def camera_rays(camera: Camera) -> np.ndarray:
    """Directions (H, W, 3) in the world of all pixels, with unit depth along the optical axis, float32."""
    x, y = np.meshgrid(np.arange(camera.width, dtype=np.float32), np.arange(camera.height, dtype=np.float32))
    return camera.ray(x, y) @ camera.rotation.astype(np.float32)


def _wave_noise(rng: np.random.Generator, x: np.ndarray, base: float) -> np.ndarray:
    return np.add.reduce([np.sin(x * (base * 1.9**k) + rng.uniform(0, 6.3)) / 1.7**k for k in range(4)])


def _muted(rng: np.random.Generator, low: int = 60, high: int = 235, spread: float = 0.05) -> np.ndarray:
    """A BGR color (3,) near gray, more often warm than cool, seldom green or purple."""
    warmth, green = rng.normal(0.6 * spread, spread), rng.normal(0, 0.4 * spread)
    return np.clip(rng.uniform(low, high) * np.exp([-1.5 * warmth, green, warmth]), 5, 250)


@cache
def _relief(name: str, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A surface's brightness about its mean (H, W, 1) and its colors about gray (H, W, 3)."""
    texture = cv2.resize(photographs.load(name), (width, height), interpolation=cv2.INTER_AREA).astype(float)
    gray = texture.mean(2, keepdims=True)
    return (gray - gray.mean()).astype(np.float32), (texture - gray).astype(np.float32)


def _tinted(rng: np.random.Generator, name: str, color: np.ndarray, height: int, width: int) -> np.ndarray:
    """A surface recolored about a BGR color, its contrast kept; (height, width, 3) uint8."""
    brightness, hue = _relief(name, height, width)
    relief = np.float32(rng.uniform(0.4, 1.0)) * brightness + 0.15 * hue
    return np.clip(relief + color.astype(np.float32), 0, 255).astype(np.uint8)


def _floor_texture(rng: np.random.Generator, outdoors: bool) -> tuple[np.ndarray, float]:
    """A square texture (BGR uint8) and its side in meters."""
    kinds = (
        ['grass', 'gravel', 'brick', 'concrete']
        if outdoors
        else ['plain', 'tiles', 'planks', 'wood', 'concrete', 'carpet']
    )
    kind = str(rng.choice(kinds))
    if kind in photographs.SURFACES:
        hues = dict(
            grass=(60, 110, 95),
            gravel=(115, 122, 128),
            brick=(100, 115, 135),
            wood=(88, 118, 150),
            concrete=(130, 135, 138),
        )
        color = np.array(hues[kind]) * np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.03, 3))
        return _tinted(rng, kind, color, 384, 384), rng.uniform(1.2, 3.0)
    side = 256
    canvas = np.ones((side, side, 3), np.float32) * _muted(rng, 70, 215)
    if kind in ('tiles', 'planks'):
        nx, ny = (4, 4) if kind == 'tiles' else (8, 2)
        shade = rng.normal(0, 4 if kind == 'tiles' else 9, (ny, nx))
        canvas += cv2.resize(shade.astype(np.float32), (side, side), interpolation=cv2.INTER_NEAREST)[
            ..., None
        ]
        if kind == 'planks':
            canvas = canvas * np.array([0.72, 0.9, 1.05])
        canvas[:: side // ny] *= 0.8
        canvas[:, :: side // nx] *= 0.8
    grain = rng.normal(0, 1, (side, side)).astype(np.float32)
    canvas += (cv2.GaussianBlur(grain, (0, 0), 1.2) * (12 if kind == 'carpet' else 5))[..., None]
    return np.clip(canvas, 0, 255).astype(np.uint8), rng.uniform(1.2, 2.4)


def _wall_texture(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A wall (256 high, 768 wide, BGR uint8) with pictures, doors, windows; and its height, meters."""
    h, w = 256, 768
    if rng.random() < 0.2:
        tile = _tinted(rng, 'brick', _muted(rng, 90, 190) * (0.85, 0.95, 1.1), w, h)
        canvas = np.rot90(tile).astype(np.float32)
    else:
        canvas = np.ones((h, w, 3), np.float32) * _muted(rng, 110, 240)
        if rng.random() < 0.3:
            canvas[int(rng.uniform(0.5, 0.7) * h) :] = _muted(rng, 70, 220)
        canvas *= np.linspace(1.06, 0.94, h, dtype=np.float32)[:, None, None]
    for _ in range(rng.integers(0, 7)):
        pw, ph = int(rng.uniform(25, 120)), int(rng.uniform(25, 110))
        x, y = int(rng.integers(0, w - pw)), int(rng.uniform(0.08, 0.5) * h)
        # a door or a cupboard down to the floor
        if rng.random() < 0.25:
            y, ph = int(rng.uniform(0.2, 0.5) * h), h
        canvas[y - 3 : y + ph + 3, max(x - 3, 0) : x + pw + 3] = _muted(rng, 30, 240)
        inside = canvas[y : y + ph, x : x + pw]
        if rng.random() < 0.6 and y + ph < h:
            inside[:] = photographs.crop(rng, str(rng.choice(photographs.SCENES)), *inside.shape[:2])
        else:
            inside[:] = _muted(rng, 40, 245, 0.15)
    canvas[int(0.96 * h) :] = _muted(rng, 60, 240)  # skirting board
    return np.clip(canvas, 0, 255).astype(np.uint8), rng.uniform(2.5, 3.6)


def _sample(
    texture: np.ndarray, meters: float, u: np.ndarray, v: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Linear colors of a mirrored texture at metric coordinates; fades to its mean far away."""
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
    """Sky above a soft line of hills, trees or houses; linear BGR."""
    azimuth = np.arctan2(rays[..., 0], -rays[..., 2])
    elevation = rays[..., 1] / np.hypot(rays[..., 0], rays[..., 2])
    top, low = np.array([235, 190, 150]) * rng.uniform(0.6, 1.0), _muted(rng, 190, 250, 0.02)
    t = np.clip(elevation * rng.uniform(1, 2.5), 0, 1)[..., None]
    low, top = (linear(np.clip(color, 0, 255).astype(np.uint8)) for color in (low, top))
    sky = low + t * (top - low)
    skyline = rng.uniform(0.0, 0.2) * (1 + 0.35 * _wave_noise(rng, azimuth, rng.uniform(3, 12)))
    houses = linear(np.clip(_muted(rng, 30, 120) + (-8, 8, -4), 0, 255).astype(np.uint8))
    leaves = _wave_noise(rng, azimuth + 2 * elevation, 25) * _wave_noise(rng, elevation - azimuth, 40)
    mottle = 1 + 0.2 * leaves
    cover = np.clip((skyline - elevation) * 60 + 0.5, 0, 1)[..., None]
    return (sky * (1 - cover) + houses * mottle[..., None] * cover).astype(np.float32)


def _walls(
    rng: np.random.Generator, scene: Scene, rays: np.ndarray, reach: np.ndarray, colors: np.ndarray
) -> None:
    """Draw a back wall, and mostly a side wall, over what is farther than they are."""
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
    texture, height = _wall_texture(rng)
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


def sample_background(rng: np.random.Generator, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Draw the background of a scene.

    Args:
        rng: Random generator.
        scene: Camera, floor and people.

    Returns:
        The picture (H, W, 3) float32, linear BGR, and where the floor is seen (H, W), bool.
    """
    camera = scene.camera
    rays = camera_rays(camera)
    with np.errstate(divide='ignore'):
        t = np.where(rays[..., 1] < -1e-4, np.float32(-scene.floor) / rays[..., 1], np.float32(_FAR))
    t = np.minimum(t, np.float32(_FAR))
    floor = t < _FAR
    kind = rng.choice(['room', 'outdoors', 'photo'], p=[0.52, 0.28, 0.2])
    if kind == 'photo':
        name = str(rng.choice(photographs.SCENES))
        colors = linear(photographs.crop(rng, name, camera.height, camera.width))
        colors = cv2.GaussianBlur(
            colors, (0, 0), rng.uniform(0.6, 4.0) * max(camera.width, camera.height) / 256
        )
        return colors * np.float32(rng.uniform(0.7, 1.2)), floor
    texture, side = _floor_texture(rng, kind == 'outdoors')
    turn = rng.uniform(0, 2 * np.pi)
    x, z = t * rays[..., 0], t * rays[..., 2]
    u, v = np.cos(turn) * x + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * x
    # Pixels see more of the floor the flatter they look at it.
    footprint = t * np.sqrt(np.abs(t / np.float32(scene.floor))) / np.float32(camera.focal_length)
    ground = _sample(texture, side, u.astype(np.float32), v.astype(np.float32), footprint)
    reach = t.copy()
    if kind == 'outdoors':
        haze = np.clip(t / _FAR, 0, 1)[..., None] ** 2
        colors = np.where(floor[..., None], ground, 0) * (1 - 0.5 * haze) + 0.25 * haze
        colors = np.where(floor[..., None], colors, _sky(rng, rays)).astype(np.float32)
    else:
        colors = ground
        reach[~floor] = np.inf
        _walls(rng, scene, rays, reach, colors)
    blur = abs(rng.normal(0, 0.8)) * max(camera.width, camera.height) / 256
    if blur > 0.3:
        colors = cv2.GaussianBlur(colors, (0, 0), blur)
    return colors, floor & (reach >= t)
