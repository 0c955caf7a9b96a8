"""Folders that a run writes into: tried before the work begins, and reserved for one run at a time."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmroi.fileio.atomic import DISK_FULL, WriteError
from mmroi.fileio.locking import reserve

_PROBE = 512  # bytes; an empty file can be made on a full disk, too


def check_folder(folder: str | Path, option: str) -> None:
    """Make a folder if it is missing, and write a small file there, which is removed again.

    Args:
        folder: Output folder of a run.
        option: The option or argument that chooses it, for the message.

    Raises:
        WriteError: The folder cannot be made or written to, or its disk is full; says what to do.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        full = error.errno in DISK_FULL
        remedy = 'free space, or choose another folder' if full else 'choose a folder that you may write to'
        raise WriteError(
            error.errno or errno.EIO,
            f'cannot write into the folder {folder}: {error.strerror or error}; {remedy} ({option})',
        ) from error


@contextmanager
def own_folder(folder: str | Path, option: str) -> Iterator[None]:
    """Check a folder and reserve it for this run; a killed one releases it.

    Args:
        folder: Output folder of a run; made if it is missing.
        option: The option or argument that chooses it, for the message.

    Raises:
        RuntimeError: Another run has reserved it.
        WriteError: As :func:`check_folder`, at the start, or where a full disk ends the block.
    """
    path = Path(folder).absolute()
    made = [one for one in (path, *path.parents) if not one.exists()]
    check_folder(folder, option)
    busy = f'another run writes into {folder}: wait for it, or choose another folder ({option})'
    try:
        with reserve(Path(folder, '.lock'), busy):
            try:
                yield
            except WriteError:
                raise
            except OSError as error:
                if error.errno in DISK_FULL and error.filename is None:  # libraries do not say where
                    check_folder(folder, option)
                raise
    finally:
        with suppress(OSError):  # they are not empty, unless the run ended before it wrote
            for one in made:
                one.rmdir()
