"""Write files whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path, fsync: bool = True) -> Iterator[Path]:
    """Write to a temporary path that replaces ``path`` once the block ends without an error.

    Readers see the old file or the whole new one. If the block raises, the old file stays and nothing is left
    behind.

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
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as folder:
        temporary = Path(folder, path.name)
        yield temporary
        if fsync:
            with open(temporary, 'rb+') as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    if fsync:
        _sync_folder(path.parent)


def remove_leftovers(folder: str | Path, pattern: str) -> None:
    """Remove the temporary folders that killed processes have left while they wrote.

    Call it only where no other process writes such files.

    Args:
        folder: Folder of the files.
        pattern: Pattern of their names, such as ``*.pth``.
    """
    for path in Path(folder).glob(f'.{pattern}.{"?" * 8}'):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """Flush the new name to disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
