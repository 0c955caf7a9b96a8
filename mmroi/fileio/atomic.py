"""Write files whole or not at all."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from mmroi.fileio.locking import is_locked, lock_folder

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the errors that say that a disk, a quota or the largest allowed file is full."""

_OF_THE_DISK = (*DISK_FULL, errno.EIO, errno.EROFS, errno.ESTALE)
# What PyTorch and ndarray.tofile say of a full disk, without a number.
_OF_A_WRITER = ('PytorchStreamWriter', 'inline_container.cc', ' requested and ')
_PREFIX = '.mmroi-tmp-'  # short, so that a long file name stays within the limit of the file system
_LEFTOVER_AGE = 60.0  # seconds; a younger folder may not be locked yet


class WriteError(OSError):
    """A file that cannot be written; the message names it, the reason, what is kept, and the remedy."""

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def atomic_write(path: str | Path, fsync: bool = True) -> Iterator[Path]:
    """Write to a temporary path that replaces ``path`` once the block ends without an error.

    Readers see the old file or the whole new one. If the block raises, the old file stays and nothing is left
    behind. What a killed process left behind is removed the next time another one writes into the folder.

    Example:
        >>> with atomic_write('results/scores.json') as temporary:
        ...     temporary.write_text('{}')

    Args:
        path: File to write. Its folder is created if missing.
        fsync: Flush the file to disk before it replaces the old one, so that it also survives a power
            failure. Turn it off for large numbers of small files that are cheap to create again.

    Yields:
        A path with the same file name in a temporary folder beside ``path``. Other files written into that
        folder are discarded.

    Raises:
        FileNotFoundError: If the block did not write the file.
        WriteError: If the disk is full or the file cannot be written for another reason.
    """
    path = Path(path)
    with _explained(path), ExitStack() as stack:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_old_leftovers(path.parent)
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=path.parent, ignore_cleanup_errors=True)
        temporary = Path(stack.enter_context(folder), path.name)
        stack.enter_context(lock_folder(temporary.parent))
        yield temporary
        if fsync:
            with open(temporary, 'rb+') as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if fsync:
            _sync_folder(path.parent)


def remove_leftovers(folder: str | Path, age: float = 0.0) -> None:
    """Remove what killed processes left in a folder while they wrote; what others still write stays.

    Args:
        folder: Folder of the files.
        age: Seconds; what is younger stays.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        found = [Path(entry) for entry in entries if entry.name.startswith(_PREFIX)]
        for path in found:
            if time.time() - path.stat().st_mtime > age and not is_locked(path):
                shutil.rmtree(path, ignore_errors=True)


def write_error(path: Path, number: int | None, reason: str) -> WriteError:
    """Return the error of a file that could not be written.

    Args:
        path: The file.
        number: ``errno``; None if it is unknown.
        reason: What went wrong.
    """
    kept = 'the file that was there is kept' if os.path.isfile(path) else 'nothing of it is left'
    if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST):
        remedy = 'choose a place that you may write to'
    elif number == errno.ENAMETOOLONG:
        remedy = 'choose a shorter name'
    else:
        remedy = 'free space or choose another disk, and run it again; finished files are kept'
    return WriteError(number or errno.EIO, f'cannot write {path}: {reason}; {kept}; {remedy}')


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Name the file in the errors of writing it. Others, such as of files that the block reads, pass."""
    try:
        yield
    except WriteError:
        raise
    except Exception as error:
        # zipfile and others raise errors of their own while they close a file that is not complete.
        if any(words in str(error) for words in _OF_A_WRITER):
            raise write_error(path, None, 'the disk may be full') from error
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        if cause is None or not _is_of(path, cause):
            raise
        raise write_error(path, cause.errno, cause.strerror or str(cause)) from error


def _is_of(path: Path, error: OSError) -> bool:
    """Return whether an error is one of writing this file."""
    if isinstance(error, WriteError):
        return False
    if error.filename is None or isinstance(error.filename, int):
        return error.errno in _OF_THE_DISK
    if isinstance(error, FileNotFoundError):
        return False
    name = Path(os.fsdecode(error.filename))
    return name == path or name in path.parents or _PREFIX in str(name)


def _sync_folder(folder: Path) -> None:
    """Flush the new name of a file to disk, too, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@lru_cache(maxsize=10_000)
def _remove_old_leftovers(folder: Path) -> None:
    """Remove them once per process."""
    remove_leftovers(folder, _LEFTOVER_AGE)
