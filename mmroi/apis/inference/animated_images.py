"""Animated images (GIF, WebP, AVIF, PNG), which are short videos."""

import io
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.apis.inference.image_files import as_bgr

SUFFIXES = ('.apng', '.avif', '.gif', '.png', '.webp')
PAGED = ('.tif', '.tiff')  # whose images are pages, not frames
_SHORTEST = 0.02  # seconds; browsers take less for "as fast as possible",
_DEFAULT = 0.1  # which they show at this interval


@dataclass(frozen=True)
class AnimatedImage:
    """An image that is a video without sound.

    Attributes:
        content: File or encoded bytes.
        name: ``video`` of its frames, whose names are ``<name>_<index>``.
        source: As in :class:`.Frame`.
        num_frames: Number of its frames.
    """

    content: Path | bytes
    name: str
    source: str
    num_frames: int

    def __iter__(self) -> Iterator[Frame | BadInput]:
        stamp, index, size = 0.0, 0, None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                fps = 1 / self._shortest()
                with _open(self.content) as image:
                    for index in range(self.num_frames):
                        image.seek(index)
                        pixels = np.asarray(image.convert('RGBA'))
                        size = size or pixels.shape
                        if pixels.shape != size:
                            raise ValueError('its size changes')
                        pixels = as_bgr(cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))
                        name, duration = f'{self.name}_{index:06d}', _duration(image)
                        where = (pixels, name, self.source, index, self.name)
                        yield Frame(*where, stamp, fps=fps, duration=duration)
                        stamp += duration
        except Exception as error:  # Pillow raises almost anything for damage
            yield BadInput(
                self.source,
                f'breaks at frame {index} of {self.num_frames} ({error}); what came before is kept; copy or '
                'download it again for the rest',
            )

    def _shortest(self) -> float:
        """Return the shortest time of a frame in seconds, of those before any damage."""
        durations = [_DEFAULT]
        with suppress(Exception), _open(self.content) as image:
            for index in range(self.num_frames):
                image.seek(index)
                image.load()
                durations.append(_duration(image))
        return min(durations)


def count_frames(content: Path | bytes, suffixes: tuple[str, ...] = SUFFIXES) -> int:
    """Return the number of frames of an image; 1 if it is not animated or cannot be read.

    Args:
        content: File or encoded bytes. Files with other suffixes are not opened.
        suffixes: Of the formats to look at.
    """
    if isinstance(content, Path) and content.suffix.lower() not in suffixes:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with _open(content) as image:
                if (image.format or '').lower() not in {suffix[1:] for suffix in suffixes}:
                    return 1
                return int(getattr(image, 'n_frames', 1))
    except Exception:  # whoever decodes it says what is wrong
        return 1


def _open(content: Path | bytes) -> Image.Image:
    return Image.open(io.BytesIO(content) if isinstance(content, bytes) else content)


def _duration(image: Image.Image) -> float:
    """Return the seconds for which the current frame is shown."""
    duration = float(image.info.get('duration') or 0) / 1000
    return duration if duration >= _SHORTEST else _DEFAULT
