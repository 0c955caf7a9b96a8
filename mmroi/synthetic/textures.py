"""Textures of floors and walls, and scikit-image's sample images as backgrounds."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage

# Only files inside the scikit-image wheel, so nothing is downloaded. Crops (x0, y0, x1, y1) exclude people.
_SCENES = dict(
    launch_pad=('rocket.jpg', None),
    skyline=('camera.png', (345, 60, 512, 320)),
    curtain=('astronaut.png', (0, 0, 110, 190)),
)
_SURFACES = dict(
    grass=('grass.png', None),
    gravel=('gravel.png', None),
    brick=('brick.png', None),
    wood=('coffee.png', (490, 150, 600, 400)),
)

SCENES, SURFACES = tuple(_SCENES), tuple(_SURFACES)


@cache
def load(name: str) -> np.ndarray:
    """Load a sample image.

    Args:
        name: One of ``SCENES`` or ``SURFACES``.

    Returns:
        (H, W, 3) uint8, BGR, read-only.

    Raises:
        FileNotFoundError: If scikit-image is installed without its data.
    """
    file, box = {**_SCENES, **_SURFACES}[name]
    path = Path(skimage.__file__).parent / 'data' / file
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        raise FileNotFoundError(
            f'{path} is missing or unreadable; reinstall scikit-image from its wheel: '
            'pip install --force-reinstall scikit-image'
        )
    if box is not None:
        image = np.ascontiguousarray(image[box[1] : box[3], box[0] : box[2]])
    image.setflags(write=False)
    return image


def crop(rng: np.random.Generator, name: str, height: int, width: int) -> np.ndarray:
    """Crop a sample image at random, possibly mirrored, and resize it; (height, width, 3) uint8, BGR."""
    image = load(name)
    scale = max(height / image.shape[0], width / image.shape[1]) * rng.uniform(1.0, 1.8)
    h, w = (min(round(n / scale), m) for n, m in zip((height, width), image.shape[:2], strict=True))
    y, x = rng.integers(image.shape[0] - h + 1), rng.integers(image.shape[1] - w + 1)
    patch = image[y : y + h, x : x + w]
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    return cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA)


def muted(rng: np.random.Generator, low: int = 60, high: int = 235, spread: float = 0.05) -> np.ndarray:
    """Draw a BGR color (3,) near gray, more often warm than cool, rarely green or purple."""
    warmth, green = rng.normal(0.6 * spread, spread), rng.normal(0, 0.4 * spread)
    return np.clip(rng.uniform(low, high) * np.exp([-1.5 * warmth, green, warmth]), 5, 250)


@cache
def _relief(name: str, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Split a surface into brightness relative to its mean (H, W, 1) and color relative to gray (H, W, 3)."""
    texture = cv2.resize(load(name), (width, height), interpolation=cv2.INTER_AREA).astype(float)
    gray = texture.mean(2, keepdims=True)
    return (gray - gray.mean()).astype(np.float32), (texture - gray).astype(np.float32)


def _tinted(rng: np.random.Generator, name: str, color: np.ndarray, height: int, width: int) -> np.ndarray:
    """Recolor a surface around a BGR color, keeping its contrast; (height, width, 3) uint8."""
    brightness, hue = _relief(name, height, width)
    relief = np.float32(rng.uniform(0.4, 1.0)) * brightness + 0.15 * hue
    return np.clip(relief + color.astype(np.float32), 0, 255).astype(np.uint8)


def _concrete(rng: np.random.Generator, side: int) -> np.ndarray:
    """Draw a square of concrete or asphalt: blotches of all sizes, and grain; (side, side, 3) uint8."""
    relief = np.zeros((side, side), np.float32)
    for cells, depth in ((4, 10), (16, 6), (64, 4), (side, 5)):
        noise = rng.normal(0, depth, (cells, cells)).astype(np.float32)
        relief += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(muted(rng, 70, 190, 0.03) + relief[..., None], 0, 255).astype(np.uint8)


def floor_texture(rng: np.random.Generator, outdoors: bool) -> tuple[np.ndarray, float]:
    """Draw a square floor texture (BGR, uint8) and its side in meters."""
    kinds = (
        ['grass', 'gravel', 'brick', 'concrete']
        if outdoors
        else ['plain', 'tiles', 'planks', 'wood', 'concrete', 'carpet']
    )
    kind = str(rng.choice(kinds))
    if kind in SURFACES:
        hues = dict(
            grass=(60, 110, 95),
            gravel=(115, 122, 128),
            brick=(100, 115, 135),
            wood=(88, 118, 150),
        )
        color = np.array(hues[kind]) * np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.03, 3))
        return _tinted(rng, kind, color, 384, 384), rng.uniform(1.2, 3.0)
    side = 256
    if kind == 'concrete':
        return _concrete(rng, 384), rng.uniform(1.2, 3.0)
    canvas = np.ones((side, side, 3), np.float32) * muted(rng, 70, 215)
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


def wall_texture(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draw a wall (256, 768, 3), BGR, uint8, with pictures, doors and windows; and its height in meters."""
    h, w = 256, 768
    if rng.random() < 0.2:
        tile = _tinted(rng, 'brick', muted(rng, 90, 190) * (0.85, 0.95, 1.1), w, h)
        canvas = np.rot90(tile).astype(np.float32)
    else:
        canvas = np.ones((h, w, 3), np.float32) * muted(rng, 110, 240)
        if rng.random() < 0.3:
            canvas[int(rng.uniform(0.5, 0.7) * h) :] = muted(rng, 70, 220)
        canvas *= np.linspace(1.06, 0.94, h, dtype=np.float32)[:, None, None]
    for _ in range(rng.integers(0, 7)):
        pw, ph = int(rng.uniform(25, 120)), int(rng.uniform(25, 110))
        x, y = int(rng.integers(0, w - pw)), int(rng.uniform(0.08, 0.5) * h)
        # A door or a cupboard that reaches the floor.
        if rng.random() < 0.25:
            y, ph = int(rng.uniform(0.2, 0.5) * h), h
        canvas[y - 3 : y + ph + 3, max(x - 3, 0) : x + pw + 3] = muted(rng, 30, 240)
        inside = canvas[y : y + ph, x : x + pw]
        if rng.random() < 0.6 and y + ph < h:
            inside[:] = crop(rng, str(rng.choice(SCENES)), *inside.shape[:2])
        else:
            inside[:] = muted(rng, 40, 245, 0.15)
    canvas[int(0.96 * h) :] = muted(rng, 60, 240)  # skirting board
    return np.clip(canvas, 0, 255).astype(np.uint8), rng.uniform(2.5, 3.6)
