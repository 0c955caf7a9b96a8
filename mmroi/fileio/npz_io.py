"""Read npz files lazily and without running code, and write them atomically.

``numpy.load`` either refuses object arrays or lets them run any code. MMHuman3D stores dictionaries in object
arrays, so this reader unpickles them itself and allows only NumPy arrays and built-in containers.
"""

import io
import math
import mmap
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.inert_names import Refused
from mmroi.fileio.inert_pickle import unpickle
from mmroi.utils.installation import find_page

_PIECE = 1 << 20
_CHECKED_AT_ONCE = 64 << 20
# A file of annotations shrinks to a tenth. What shrinks far more was made to fill disks and memory.
_LARGEST_RATIO = 100
_HARMLESS = 1 << 30  # bytes


class LazyNpz:
    """Members of an npz file, read on access.

    Uncompressed members (``numpy.savez``) are views of one read-only memory map of the file, so opening is
    free, and all loader workers share the pages. Their checksums are verified when they are first read.
    Compressed members and object arrays are decoded in memory.

    Args:
        path: The npz file.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a zip archive, is truncated, or would unpack to more than a hundred times
            its size.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._verified: set[str] = set()
        if not self.path.is_file():
            raise FileNotFoundError(
                f'{self.path}: no such file. Make it as {find_page("data.md")} describes, or correct the path'
            )
        try:
            with open(self.path, 'rb') as file, zipfile.ZipFile(file) as archive:
                self._found = os.fstat(file.fileno())
                self._members = {info.filename.removesuffix('.npy'): info for info in archive.infolist()}
                self.comment = archive.comment
        except Exception as error:  # damaged bytes make zipfile raise almost anything
            raise ValueError(
                f'{self.path}: not a readable npz ({error}); the file is damaged or truncated. '
                'Create or download it again'
            ) from error
        unpacked = sum(info.file_size for info in self._members.values())
        if unpacked > max(_HARMLESS, _LARGEST_RATIO * self._found.st_size):
            size = f'{self._found.st_size / 1e6:.1f} MB'
            raise ValueError(
                f'{self.path}: its {size} would unpack to {unpacked / 1e9:.1f} GB, as no annotations do; '
                'the file is damaged, or made to fill the disk. Do not use it'
            )
        self._map: mmap.mmap | None = None

    def keys(self) -> list[str]:
        """Return the names of the members, in the order of the file."""
        return list(self._members)

    def has_objects(self, key: str) -> bool:
        """Whether a member is pickled.

        Args:
            key: A name from :meth:`keys`.

        Raises:
            ValueError: The member is damaged.
        """
        with self._member(key) as member:
            return _read_header(member)[2].hasobject

    def is_mapped(self, key: str) -> bool:
        """Whether a member is a view of the file, which takes no memory.

        Args:
            key: A name from :meth:`keys`.

        Raises:
            ValueError: The member is damaged.
        """
        return self._members[key].compress_type == zipfile.ZIP_STORED and not self.has_objects(key)

    def read(self, key: str) -> np.ndarray:
        """Read one member.

        Args:
            key: A name from :meth:`keys`.

        Returns:
            The array; read-only if it is memory-mapped.

        Raises:
            pickle.UnpicklingError: The member is a pickle that names more than arrays and containers.
            ValueError: The member is damaged.
        """
        info = self._members[key]
        with self._member(key) as member:
            shape, fortran_order, dtype, header_size = _read_header(member)
            if dtype.hasobject:
                return _read_objects(member, shape)
            size = math.prod(shape) * dtype.itemsize
            if min(shape, default=0) < 0 or size != info.file_size - header_size:
                raise ValueError(
                    f'an array of shape {shape} with {info.file_size - header_size} bytes of data'
                )
            if info.compress_type == zipfile.ZIP_STORED and size:
                return self._view(info, header_size, shape, fortran_order, dtype)
        with self._member(key) as member:
            return npy_format.read_array(member, allow_pickle=False)

    def check_unchanged(self, may_be_replaced: bool = False) -> None:
        """Check that no one has written into the file since it was opened, or replaced it.

        Reading pages of a mapped file that became shorter would end the process by SIGBUS.

        Args:
            may_be_replaced: Another file under the same name does not matter.

        Raises:
            ValueError: The file has changed.
        """
        try:
            found = self.path.stat()
        except OSError:
            return  # what is mapped stays until it is released
        same = os.path.samestat(found, self._found)
        if not same and may_be_replaced:
            return
        if same and (found.st_size, found.st_mtime_ns) == (self._found.st_size, self._found.st_mtime_ns):
            return
        if not self._has_same_members():
            raise ValueError(
                f'{self.path}: was replaced or changed while it was in use; start again with the new file, '
                'and give new versions of files new names'
            )

        self._found = found  # a copy, or only touched

    def _has_same_members(self) -> bool:
        """Return whether the directory of the file still has the members that were found, by checksum."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                now = {info.filename.removesuffix('.npy'): info for info in archive.infolist()}
        except Exception:  # damaged bytes make zipfile raise almost anything
            return False
        return {key: _identity(info) for key, info in now.items()} == {
            key: _identity(info) for key, info in self._members.items()
        }

    def release(self) -> None:
        """Release the pages read so far. They stay in the system's cache and are mapped again when needed."""
        if self._map is not None and hasattr(mmap, 'MADV_DONTNEED'):
            self._map.madvise(mmap.MADV_DONTNEED)

    def pieces(self, key: str) -> Iterator[bytes]:
        """Iterate over the decompressed npy file of a member.

        Args:
            key: A name from :meth:`keys`.

        Yields:
            The next piece.

        Raises:
            ValueError: The member is damaged.
        """
        with self._member(key) as member:
            while piece := member.read(_PIECE):
                yield piece

    @contextmanager
    def _member(self, key: str) -> Iterator[IO[bytes]]:
        """Open a member. Errors while it is read name the file and the member."""
        self.check_unchanged()
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._members[key]) as member:
                yield member
        except Refused as error:
            raise pickle.UnpicklingError(
                f'{self.path}: refused to unpickle {key!r}: {error}. '
                'Do not trust this file; get it from its source again'
            ) from error
        except Exception as error:  # damaged bytes make zlib, tokenize and pickle raise almost anything
            raise ValueError(
                f'{self.path}: {key!r} cannot be read ({error}); the file is damaged. '
                'Create or download it again'
            ) from error

    def _view(
        self,
        info: zipfile.ZipInfo,
        header_size: int,
        shape: tuple[int, ...],
        fortran_order: bool,
        dtype: np.dtype,
    ) -> np.ndarray:
        if self._map is None:
            with open(self.path, 'rb') as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # Zip's local header: 30 bytes, with the lengths of name and extra field at byte 26, then these two.
        name_size, extra_size = struct.unpack_from('<HH', self._map, info.header_offset + 26)
        start = info.header_offset + 30 + name_size + extra_size
        offset = start + header_size
        self._verify(info, start)
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(self._map, dtype, count, offset)
        return array.reshape(shape, order='F' if fortran_order else 'C')

    def _verify(self, info: zipfile.ZipInfo, start: int) -> None:
        """Compare the checksum of a mapped member once, and release its pages."""
        if info.filename in self._verified:
            return
        assert self._map is not None
        found, end = 0, start + info.file_size
        with memoryview(self._map) as content:
            for place in range(start, end, _CHECKED_AT_ONCE):
                found = zlib.crc32(content[place : min(place + _CHECKED_AT_ONCE, end)], found)
                self.release()
        if found != info.CRC:
            raise ValueError('its checksum is wrong')
        self._verified.add(info.filename)

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker maps the file again instead of receiving its content through a pipe.
        return {**self.__dict__, '_map': None}


def _identity(info: zipfile.ZipInfo) -> tuple[int, ...]:
    return info.CRC, info.file_size, info.compress_size, info.header_offset


def write_npz(path: str | Path, members: Mapping[str, Any], compress: bool = False) -> None:
    """Write an npz file atomically.

    Args:
        path: File to write. Its folder is created if missing.
        members: Arrays by name, or objects that ``numpy.savez`` pickles (dictionaries).
        compress: Compress the members. The file is smaller, but cannot be memory-mapped.
    """
    with atomic_write(path) as temporary, open(temporary, 'wb') as file:
        (np.savez_compressed if compress else np.savez)(file, **members)


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Return shape, Fortran order, dtype and size in bytes of an npy header."""
    version = npy_format.read_magic(member)
    read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f'npy format {version} is not supported')
    shape, fortran_order, dtype = read(member)
    return shape, fortran_order, dtype, member.tell()


def _read_objects(member: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    content = unpickle(io.BufferedReader(_InPieces(member)))
    if not isinstance(content, np.ndarray):
        raise ValueError(f'an object array was expected, found {type(content).__name__}')
    return content.reshape(shape)


class _InPieces(io.RawIOBase):
    """Reads a zip member in pieces, because reading a large array at once holds its bytes twice."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._member.read(min(len(buffer), _PIECE))
        buffer[: len(piece)] = piece
        return len(piece)
