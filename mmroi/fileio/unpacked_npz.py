"""Read any large npz file through memory maps.

MMHuman3D compresses its files and pickles the SMPL parameters, and decoding them costs every process seconds
and memory. A file with large decoded members is therefore unpacked once: a copy beside it stores the members
that cannot be mapped, uncompressed, and the arrays and long lists of dictionaries as separate members, all as
arrays.
"""

import errno
import hashlib
import logging
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.lib import format as npy_format

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.locking import one_process_at_a_time
from mmroi.fileio.npz_io import LazyNpz
from mmroi.fileio.ownership import is_own, user_cache

UNPACK_FROM = 64 << 20
"""Bytes; smaller members are decoded into memory."""
UNPACK_PICKLES_FROM = 1 << 20
"""Bytes. Unpickling as safely as here takes a second for 2 MB of text."""
_FORMAT = 'mmroi unpacked npz 3'
_MAPPED_FROM = 1024  # items of a list
_SPARE = 64 << 20  # bytes that are left on the disk


class UnpackedNpz(LazyNpz):
    """npz file whose large arrays are memory maps shared by all processes.

    The copy is ``<file>.cache`` beside the file or, if that folder is read-only, in the cache folder of the
    user (``$XDG_CACHE_HOME/mmroi``). It may be deleted at any time and is recreated if the content of the
    file changes. A copy counts only if it belongs to this user, the owner of the file or root, no one else
    may write to it, and its own checksums are right. If it cannot be written, or the disk is too full for it,
    the file is decoded into memory.

    Args:
        path: The npz file.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is damaged.
        pickle.UnpicklingError: A member of a large file is a pickle that could run code.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._copy: LazyNpz | None = None
        hidden = [key for key in self.keys() if not self.is_mapped(key)]
        sizes = {key: self._members[key].file_size for key in hidden}
        pickled = sum(size for key, size in sizes.items() if self.has_objects(key))
        if sum(sizes.values()) >= UNPACK_FROM or pickled >= UNPACK_PICKLES_FROM:
            self._copy = self._open_copy(hidden)

    def read(self, key: str) -> np.ndarray:
        """Read one member; see ``LazyNpz.read``."""
        if self._copy is None or key not in self._copy.keys():
            return super().read(key)
        array = self._copy.read(key)
        if array.dtype.hasobject and not array.shape and isinstance(array.item(), dict):
            parts = array.item()
            for name in parts:
                if _part_name(key, name) in self._copy.keys():
                    parts[name] = self._copy.read(_part_name(key, name))
        return array

    def check_unchanged(self, may_be_replaced: bool = False) -> None:
        """Check that no one has changed the file or written into its copy; see ``LazyNpz``."""
        super().check_unchanged(may_be_replaced)
        if self._copy is not None:
            self._copy.check_unchanged(may_be_replaced=True)

    def release(self) -> None:
        """Release the pages read so far."""
        super().release()
        if self._copy is not None:
            self._copy.release()

    def _open_copy(self, keys: list[str]) -> LazyNpz | None:
        digest = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:16]
        places = (
            self.path.with_name(f'{self.path.name}.cache'),
            user_cache() / f'{digest}-{self.path.name}.cache',
        )
        fingerprint = self._fingerprint()
        with one_process_at_a_time(self.path):
            for place in places:
                if is_own(place, self.path) and (copy := _open_copy(place, fingerprint)):
                    return copy
            for place in places:
                try:
                    if place.exists() and not is_own(place, self.path):
                        raise PermissionError(errno.EPERM, 'a file of another user is there')
                    self._check_space(keys, place)
                    self._unpack(keys, place, fingerprint)
                    return LazyNpz(place)
                except OSError as error:
                    print_log(
                        f'{self.path} cannot be unpacked to {place}: {error}', 'current', logging.WARNING
                    )
        print_log(
            f'{self.path} is decoded into the memory of each process that reads it',
            'current',
            logging.WARNING,
        )
        return None

    def _fingerprint(self) -> bytes:
        """Identify the content by the checksums in zip's directory."""
        members = sorted((key, info.CRC, info.file_size) for key, info in self._members.items())
        return f'{_FORMAT} {hashlib.sha256(repr(members).encode()).hexdigest()}'.encode()

    def _check_space(self, keys: list[str], place: Path) -> None:
        needed = sum(self._members[key].file_size for key in keys)
        folder = next(parent for parent in place.absolute().parents if parent.exists())
        free = shutil.disk_usage(folder).free
        if needed + _SPARE > free:
            raise OSError(
                errno.ENOSPC,
                f'{needed / 1e6:.1f} MB are needed, and {free / 1e6:.1f} MB of its disk are free',
            )

    def _unpack(self, keys: list[str], place: Path, fingerprint: bytes) -> None:
        with atomic_write(place) as temporary, zipfile.ZipFile(temporary, 'w') as archive:
            print_log(f'{self.path}: unpacking to {place}, once', 'current')
            for key in keys:
                if self.has_objects(key):
                    _write_objects(archive, key, super().read(key))
                    continue
                with archive.open(f'{key}.npy', 'w', force_zip64=True) as out:
                    out.writelines(self.pieces(key))
            archive.comment = fingerprint + _digest(archive)


def _part_name(key: str, name: str) -> str:
    return f'{key}/{name}'


def _write_objects(archive: zipfile.ZipFile, key: str, value: np.ndarray) -> None:
    """Write a pickled member, and the arrays of a dictionary as separate members."""
    if not value.shape and isinstance(value.item(), dict):
        parts = value.item()
        for name, part in parts.items():
            part = _as_column(part)
            if isinstance(name, str) and isinstance(part, np.ndarray) and not part.dtype.hasobject:
                with archive.open(f'{_part_name(key, name)}.npy', 'w', force_zip64=True) as out:
                    npy_format.write_array(out, part, allow_pickle=False)
                parts[name] = None
    with archive.open(f'{key}.npy', 'w', force_zip64=True) as out:
        npy_format.write_array(out, value)


def _as_column(part: Any) -> Any:
    """Return a long list of words or numbers, such as the gender of each row, as an array."""
    if isinstance(part, list) and len(part) >= _MAPPED_FROM:
        kinds = set(map(type, part))
        if len(kinds) == 1 and kinds <= {str, int, float, bool}:
            return np.array(part)
    return part


def _digest(archive: zipfile.ZipFile) -> bytes:
    """Identify the content of a copy by its own checksums, which are compared when it is read."""
    members = [(info.filename, info.CRC, info.file_size) for info in archive.infolist()]
    return hashlib.sha256(repr(members).encode()).hexdigest().encode()


def _open_copy(place: Path, fingerprint: bytes) -> LazyNpz | None:
    try:
        with zipfile.ZipFile(place) as archive:
            right = archive.comment == fingerprint + _digest(archive)
        return LazyNpz(place) if right else None
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
