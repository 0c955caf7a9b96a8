"""A frame, and what there is in place of one that cannot be had."""

from dataclasses import dataclass, field

import numpy as np


class BadInputError(ValueError):
    """An input that cannot be used; the message is one sentence that names it and the remedy."""


@dataclass(frozen=True)
class BadInput:
    """An input that turned out unusable during a run, which goes on without it.

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
    """One picture.

    Attributes:
        image: (H, W, 3) BGR uint8, upright.
        name: Unique in a run, and usable as a file name: ``photo``, ``clip_000012``.
        source: Path, ``array``, ``bytes`` or ``webcam 0``.
        index: Number of the frame in its video or webcam, else 0.
        video: Name of the video or webcam that it is of; None for a single picture.
        time: Seconds from the start of the video or webcam; None for a single picture.
        focal_length: Pixels, from EXIF; None where unknown.
    """

    image: np.ndarray = field(repr=False)
    name: str
    source: str
    index: int = 0
    video: str | None = None
    time: float | None = None
    focal_length: float | None = None
