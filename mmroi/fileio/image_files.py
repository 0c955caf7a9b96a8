"""Read image files that others name and make: ordinary files of bounded size, in their own folders."""

import io
import os
import stat
import warnings
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from PIL import Image

MAX_BYTES = 1 << 30
"""Of an image file."""
# a limit of pixels follows, and below it Pillow's warning says nothing that matters
warnings.filterwarnings('ignore', category=Image.DecompressionBombWarning)


def read_regular_file(path: str | Path, limit: int = MAX_BYTES) -> bytes:
    """Read an ordinary file, and nothing that could wait or go on for ever.

    Args:
        path: The file, or a link to it.
        limit: Largest size in bytes.

    Returns:
        Its content.

    Raises:
        OSError: It does not exist or cannot be read.
        ValueError: It is a folder, pipe or device, or too large; states the reason without the name of the
            file.
    """
    # without O_NONBLOCK opening a pipe waits for a writer
    descriptor = os.open(path, os.O_RDONLY | getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_BINARY', 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = 'a folder' if stat.S_ISDIR(status.st_mode) else 'a pipe or device'
            raise ValueError(f'is {kind}, not a file')
        if status.st_size > limit:
            raise ValueError(f'has {status.st_size} bytes, more than {limit}; it is no image')
        with open(descriptor, 'rb', closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def read_header(content: bytes) -> Image.Image:
    """Read the header of an image, which has its size, before anything decodes it.

    Args:
        content: The file.

    Returns:
        The image, not decoded.

    Raises:
        ValueError: It has no readable header, or too many pixels; states the reason without the name of the
            file.
    """
    try:
        return Image.open(io.BytesIO(content))
    except Image.UnidentifiedImageError:
        raise ValueError('cannot be decoded as an image; convert it to JPEG or PNG') from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ValueError(f'has more than {limit} pixels; shrink it') from None
    except Exception as error:  # Pillow's readers raise almost anything for damaged headers
        raise ValueError('cannot be decoded. Copy or download it again') from error


class ImageFolders:
    """Tells whether a path leads out of the folders that images belong to.

    Args:
        folders: The folders. Links on the way to them are followed.
    """

    def __init__(self, folders: Iterable[str | Path]) -> None:
        self._folders = tuple(os.path.join(os.path.realpath(folder or '.'), '') for folder in folders)

    def contain(self, path: str) -> bool:
        """Whether a file lies in one of the folders when links and ``..`` are followed.

        Args:
            path: The file, which need not exist.
        """
        folder, name = os.path.split(path)
        real = os.path.join(_real_folder(folder), name)
        if name in ('', '..') or os.path.islink(real):
            real = os.path.realpath(path)
        return real.startswith(self._folders)


@lru_cache(4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder or '.')


def leads_out(path: str) -> bool:
    """Whether a path alone, without links, leads out of the folder that it is relative to.

    Args:
        path: Path in an annotation file.
    """
    return os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == '..'
