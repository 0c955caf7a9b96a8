"""Frames of images, videos and webcams, and the reasons why one could not be read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

MAX_PIXELS = 32_000_000  # of a group: 100 MB


class BadInputError(ValueError):
    """An input that cannot be used; the message is one sentence with its name and the remedy."""


@dataclass(frozen=True)
class BadInput:
    """An input that turned out to be unusable during a run; the run continues without it.

    Attributes:
        source: As in :class:`Frame`.
        reason: What is wrong and the remedy; ``str()`` puts the source before it.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return f'{self.source} {self.reason}'


@dataclass(frozen=True, eq=False)
class Frame:
    """A single image, or one frame of a video or webcam.

    Attributes:
        image: (H, W, 3) BGR uint8, upright.
        name: Unique in a run and usable as a file name: ``photo``, ``clip_000012``.
        source: Path, URL, ``array``, ``image``, ``bytes`` or ``webcam 0``.
        index: Number of the frame in its video or webcam; 0 for a single image.
        video: Name of its video or webcam; None for a single image.
        time: Seconds since the start of the video or webcam; None for a single image.
        focal_length: Pixels, from EXIF; None if unknown.
        fps: Frames per second of its video according to the header; None if unknown.
        has_sound: Whether ``source`` is a video file, which may have sound.
        duration: Seconds for which it is shown; None if it is shown until the next frame.
    """

    image: np.ndarray = field(repr=False)
    name: str
    source: str
    index: int = 0
    video: str | None = None
    time: float | None = None
    focal_length: float | None = None
    fps: float | None = None
    has_sound: bool = False
    duration: float | None = None


def group_frames(
    items: Iterable[Frame | BadInput], size: int, max_pixels: int = MAX_PIXELS
) -> Iterator[list[Frame | BadInput]]:
    """Split a stream into groups whose people share batches.

    Args:
        items: The stream.
        size: Maximum number of items in a group.
        max_pixels: Maximum number of pixels in a group, which bounds its memory; an image with more is a
            group by itself.

    Yields:
        Groups in the order of the stream; none is empty.
    """
    group: list[Frame | BadInput] = []
    pixels = 0
    for item in items:
        height, width = item.image.shape[:2] if isinstance(item, Frame) else (0, 0)
        if group and pixels + height * width > max_pixels:
            yield group
            group, pixels = [], 0
        group.append(item)
        pixels += height * width
        if len(group) == size:  # before the next frame, for which a webcam takes its time
            yield group
            group, pixels = [], 0
    if group:
        yield group
