"""The files that rows were read from, so that they are read again when one of these files has changed."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Stamps = dict[str, list[int] | None]
"""Size and time of change (ns) of files by path; None for those that do not exist."""

_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_NO_DATA = tuple(
    os.path.join(prefix, '') for prefix in {sys.prefix, sys.base_prefix, '/proc', '/sys', '/dev'}
)
_PROGRAMS = ('.py', '.pyc', '.so')
_recording: set[str] | None = None
_is_listening = False


@contextmanager
def recorded_inputs() -> Iterator[set[str]]:
    """Record which files are read in the block, by ``open`` or named by :func:`note_input`.

    Yields:
        The paths, which fill while the block runs.
    """
    global _recording, _is_listening
    if not _is_listening:  # for ever: Python has no way back
        sys.addaudithook(_listen)
        _is_listening = True
    before, _recording = _recording, set()
    try:
        yield _recording
    finally:
        _recording = before


def note_input(path: str | Path) -> None:
    """Record a file that is read by a library, which opens it unseen."""
    if _recording is not None:
        _recording.add(os.path.abspath(path))


def version_of(path: Path) -> int:
    """Return a number that changes with a file, for functions that cache what they read from it.

    Args:
        path: An existing file. It is recorded, as reading it would be.
    """
    note_input(path)
    return path.stat().st_mtime_ns


def stamps(paths: Iterable[str]) -> Stamps:
    """Return size and time of files.

    Args:
        paths: Recorded paths. Folders, programs and files of the system are left out.
    """
    found: Stamps = {}
    for path in sorted(paths):
        if path.startswith(_NO_DATA) or path.endswith(_PROGRAMS) or os.path.isdir(path):
            continue
        try:
            stat = os.stat(path)
        except OSError:
            found[path] = None
        else:
            found[path] = [stat.st_size, stat.st_mtime_ns]
    return found


def _listen(event: str, args: tuple[Any, ...]) -> None:
    if _recording is None or event != 'open':
        return
    path, _, flags = args
    if (
        isinstance(path, str | bytes | os.PathLike)
        and isinstance(flags, int)
        and flags & _ACCESS == os.O_RDONLY
    ):
        _recording.add(os.path.abspath(os.fsdecode(path)))
