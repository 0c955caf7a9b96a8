"""Write images whole or not at all."""

from pathlib import Path

import cv2
import numpy as np

from mmroi.fileio.atomic import atomic_write


def write_image(path: str | Path, image: np.ndarray, quality: int | None = None) -> None:
    """Encode an image and write it atomically; ``cv2.imwrite`` would leave half of it on a full disk.

    Args:
        path: File to write; its suffix determines the format. Its folder is created if missing.
        image: (H, W, 3) BGR or (H, W) uint8.
        quality: Of a JPEG, 0 to 100; OpenCV's by default.

    Raises:
        ValueError: If the format is unknown.
        WriteError: If it cannot be written.
    """
    path = Path(path)
    options = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    try:
        encoded, content = cv2.imencode(path.suffix, image, options)
    except cv2.error:
        encoded = False
    if not encoded:
        raise ValueError(f'{path}: {path.suffix or "no suffix"} is no format of images; use .jpg or .png')
    with atomic_write(path, fsync=False) as temporary:  # cheap to create again
        temporary.write_bytes(content.tobytes())
