"""Locks between processes, which a killed process releases. Without effect where there are none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mmengine.logging import print_log

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_reserving: set[IO[Any]] = set()


@contextmanager
def one_process_at_a_time(path: str | Path) -> Iterator[None]:
    """Wait for other processes that lock the same file, which is only read.

    Args:
        path: An existing file, which no one replaces.
    """
    with open(path, 'rb') as file:
        _lock(file, wait=True)
        yield


@contextmanager
def reserve(path: str | Path, busy: str | None) -> Iterator[None]:
    """Reserve a place by a lock file, which is removed at the end.

    Args:
        path: The lock file; its folder is created if missing.
        busy: Message of the error if another process has reserved the place; None to wait for it.

    Raises:
        RuntimeError: If another process has reserved it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = open(path, 'ab')  # noqa: SIM115  closed below
        try:
            _lock(file, wait=busy is None)
        except BlockingIOError:
            file.close()
            raise RuntimeError(busy) from None
        if _is_at(file, path):
            break
        file.close()  # the one before removed it meanwhile
    _reserving.add(file)
    try:
        yield
    finally:
        with suppress(OSError):  # the whole folder may be gone
            os.unlink(path)
        _reserving.discard(file)
        file.close()


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a new folder of this process, so that :func:`is_locked` tells others that it is in use."""
    descriptor = None
    if fcntl is not None:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Return whether a process locks a folder, or whether that cannot be told."""
    if fcntl is None:
        return True
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def _lock(file: IO[Any], wait: bool) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise
        print_log(f'waiting for another process that works there ({file.name})', 'current')
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        pass


def _release_in_child() -> None:
    """Let a forked process, such as a loader worker, not hold the place of a parent that has been killed."""
    while _reserving:
        _reserving.pop().close()


if fcntl is not None:
    os.register_at_fork(after_in_child=_release_in_child)


def _is_at(file: IO[Any], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False
