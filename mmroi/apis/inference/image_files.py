"""Images as inputs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmroi.apis.inference.frames import BadInput, Frame
from mmroi.fileio.file_access import read_regular_file
from mmroi.fileio.images import as_bgr, convert_image, decode_image


@dataclass(frozen=True)
class ImageSource:
    """A single image, decoded when it is iterated.

    Attributes:
        content: File, encoded bytes, pixels, or an image of Pillow.
        name: As in :class:`Frame`.
        source: As in :class:`Frame`.
    """

    content: Path | bytes | np.ndarray | Image.Image
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
            elif isinstance(self.content, Image.Image):
                image, focal_length = convert_image(self.content)
            else:
                read = self.content if isinstance(self.content, bytes) else read_regular_file(self.content)
                image, focal_length = decode_image(read)
        except OSError as error:
            yield BadInput(self.source, f'cannot be read ({error.strerror or error}); check the file')
        except ValueError as error:
            yield BadInput(self.source, str(error))
        else:
            yield Frame(image, self.name, self.source, focal_length=focal_length)
