"""Locks between processes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def one_process_at_a_time(path: str | Path) -> Iterator[None]:
    """Lock a file that is only read; a process that is killed releases it.

    Has no effect if the file system does not support locks.

    Args:
        path: An existing file, which no one replaces.
    """
    with open(path, 'rb') as file:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
