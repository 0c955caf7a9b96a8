"""Photographs and textures of the scikit-image wheel, cropped to what can stand behind a person."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage

# Only files that are in the wheel itself, so nothing is ever downloaded.
# Crops (x0, y0, x1, y1) leave out people.
_SCENES = dict(
    garage_left=('motorcycle_left.png', None),
    garage_right=('motorcycle_right.png', None),
    shelves=('motorcycle_left.png', (380, 0, 741, 250)),
    launch_pad=('rocket.jpg', None),
    skyline=('camera.png', (345, 60, 512, 320)),
    curtain=('astronaut.png', (0, 0, 110, 190)),
)
_SURFACES = dict(
    grass=('grass.png', None),
    gravel=('gravel.png', None),
    brick=('brick.png', None),
    wood=('coffee.png', (490, 150, 600, 400)),
    concrete=('motorcycle_left.png', (0, 400, 180, 500)),
)

SCENES, SURFACES = tuple(_SCENES), tuple(_SURFACES)


@cache
def load(name: str) -> np.ndarray:
    """Load a scene or a surface.

    Args:
        name: One of ``SCENES`` or ``SURFACES``.

    Returns:
        (H, W, 3) uint8, BGR; read-only.

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
    """A random crop of a photograph, perhaps mirrored, at a size; (height, width, 3) uint8, BGR."""
    image = load(name)
    scale = max(height / image.shape[0], width / image.shape[1]) * rng.uniform(1.0, 1.8)
    h, w = (min(round(n / scale), m) for n, m in zip((height, width), image.shape[:2], strict=True))
    y, x = rng.integers(image.shape[0] - h + 1), rng.integers(image.shape[1] - w + 1)
    patch = image[y : y + h, x : x + w]
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    return cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA)
