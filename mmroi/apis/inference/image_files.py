"""Images as inputs."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.fileio.images import as_bgr, decode_image

_MAX_BYTES = 1 << 30  # of a file; no image that can be decoded has more


@dataclass(frozen=True)
class ImageSource:
    """A single image, decoded when it is iterated.

    Attributes:
        content: File, encoded bytes or pixels.
        name: As in :class:`Frame`.
        source: As in :class:`Frame`.
    """

    content: Path | bytes | np.ndarray
    name: str
    source: str

    @property
    def num_frames(self) -> int:
        """One."""
        return 1

    def __iter__(self) -> Iterator[Frame | BadInput]:
        try:
            if isinstance(self.content, np.ndarray):
                image, focal_length = as_bgr(self.content), None
            else:
                read = self.content if isinstance(self.content, bytes) else _read(self.content)
                image, focal_length = decode_image(read)
        except OSError as error:
            yield BadInput(self.source, f'cannot be read ({error.strerror or error}); check the file')
        except ValueError as error:
            yield BadInput(self.source, str(error))
        else:
            yield Frame(image, self.name, self.source, focal_length=focal_length)


def _read(path: Path) -> bytes:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe or a device may never end
        raise ValueError('is not a regular file; give an image or a video file')
    if found.st_size > _MAX_BYTES:
        raise ValueError(f'has {found.st_size >> 20} MB, too many for an image; is it a video?')
    return path.read_bytes()
