"""Read only files that others may name: ordinary ones of bounded size, in the folders they belong to."""

import os
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

MAX_BYTES = 1 << 30
"""Of an image file."""


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
        real = os.path.join(_real_folder(str(Path(folder).absolute())), name)
        if name in ('', '..') or os.path.islink(real):
            real = os.path.realpath(path)
        return real.startswith(self._folders)


@lru_cache(4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def leads_out(path: str) -> bool:
    """Whether a path alone, without links, leads out of the folder that it is relative to.

    Args:
        path: Path in an annotation file.
    """
    return os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == '..'
