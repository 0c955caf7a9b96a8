"""Images that are the frames of a video."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.apis.inference.image_files import ImageSource

_NUMBER = re.compile(r'(\d+)')


@dataclass(frozen=True)
class ImageSequence:
    """Images in order, taken as the frames of a video.

    An image that cannot be read, or has another size than the first, leaves a gap.

    Attributes:
        images: The images; frames keep their names.
        name: ``video`` of its frames.
        fps: Frames per second.
    """

    images: Sequence[ImageSource]
    name: str
    fps: float

    @property
    def num_frames(self) -> int:
        """Number of images."""
        return len(self.images)

    def __iter__(self) -> Iterator[Frame | BadInput]:
        size = None
        for index, image in enumerate(self.images):
            for item in image:
                if isinstance(item, Frame):
                    size = size or item.image.shape
                    yield self._frame(item, index, size)
                else:
                    yield item

    def _frame(self, frame: Frame, index: int, size: tuple[int, ...]) -> Frame | BadInput:
        if frame.image.shape == size:
            return replace(frame, index=index, video=self.name, time=index / self.fps, fps=self.fps)
        (height, width), (other_height, other_width) = size[:2], frame.image.shape[:2]
        return BadInput(
            frame.source,
            f'has {other_width} x {other_height} pixels, the first image of the sequence {width} x {height}; '
            'give images of one size',
        )


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``frame_2`` before ``frame_10``.

    Args:
        path: A file.

    Returns:
        Key for ``sorted``.
    """
    parts = _NUMBER.split(path.name)
    return [(0, int(part), '') if part.isdecimal() else (1, 0, part) for part in parts if part]
