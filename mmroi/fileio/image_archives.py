"""Images in uncompressed tar archives, read at random by an index: few large files for network disks.

A path may lead into an archive as into a folder, ``coco-{00000..00012}.tar/train2014/1.jpg``. ``tar`` packs
and unpacks such archives, too.
"""

import hashlib
import os
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import print_log

from mmroi.fileio.atomic import WriteError
from mmroi.fileio.file_access import MAX_BYTES
from mmroi.fileio.locking import one_process_at_a_time
from mmroi.fileio.named_errors import name_errors
from mmroi.fileio.npz_io import LazyNpz, write_npz

INDEX_SUFFIX = '.index'
UNKNOWN = -1
"""Checksum of a member in the index of an archive that others packed."""
_INSIDE = re.compile(r'(?P<archive>.*?\.tar)(?:/+(?P<member>.*))?', re.DOTALL)
_SHARDS = re.compile(r'\{(\d+)\.\.(\d+)\}')
_MAX_SHARDS = 1 << 16
_MAX_OPEN = 64  # files of a process
_REMEDY = 'copy the archive again, or pack it again with mmroi pack-images'


class ArchiveError(ValueError):
    """An archive or its index is damaged; the message names archive, member and remedy."""


class Member(NamedTuple):
    """Where an image lies.

    Attributes:
        archive: The archive.
        offset: Of its content, bytes.
        size: Of its content, bytes.
        checksum: CRC-32 of its content, ``UNKNOWN`` where others packed the archive.
    """

    archive: Path
    offset: int
    size: int
    checksum: int


class ArchiveIndex(NamedTuple):
    """Members of one archive, ordered by their keys.

    Attributes:
        keys: (R,) uint64, by :func:`member_key`.
        offsets: (R,) int64, of the content.
        sizes: (R,) int64, bytes.
        checksums: (R,) int64, CRC-32 or ``UNKNOWN``.
    """

    keys: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    checksums: np.ndarray


def split_archive(path: str) -> tuple[str, str] | None:
    """Split a path that leads into an archive.

    Args:
        path: Any path.

    Returns:
        The absolute path of the archive, perhaps with a range of shards, and the path within it, '' for the
        archive itself; None for other paths.
    """
    found = _INSIDE.fullmatch(path)
    if found is None:
        return None
    archive = str(Path(found['archive']).absolute())  # a process may change its folder
    return None if _is_folder(archive) else (archive, found['member'] or '')


@lru_cache(256)
def open_archive(archive: str) -> 'ImageArchive':
    """Open an archive, once in each process."""
    return ImageArchive(archive)


class ImageArchive:
    """Images of one archive, or of several shards.

    Args:
        archive: Path of a tar file, or of several with one range: ``coco-{00000..00012}.tar``.

    Raises:
        ArchiveError: An archive is damaged or compressed.
        FileNotFoundError: An archive is missing.
        ValueError: An index is damaged, or the range is empty.
    """

    def __init__(self, archive: str) -> None:
        self.archive = archive
        self.paths = expand_shards(archive)
        missing = [str(path) for path in self.paths if not path.is_file()]
        if missing:
            raise FileNotFoundError(
                f'{missing[0]}: no such image archive, and {len(missing) - 1} more of {archive} are missing; '
                'copy them there, correct `data_root` and `data_prefix`, or pack the images with '
                'mmroi pack-images'
            )
        indexes = [read_index(path) for path in self.paths]
        self._index = ArchiveIndex(*(np.concatenate(parts) for parts in zip(*indexes, strict=True)))
        shards = np.repeat(np.arange(len(indexes), dtype=np.uint16), [len(one.keys) for one in indexes])
        order = np.argsort(self._index.keys, kind='stable')
        self._index = ArchiveIndex(*(column[order] for column in self._index))
        self._shards = shards[order]
        self._open: dict[Path, int] = {}

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self._index.keys)

    def find(self, member: str) -> Member:
        """Find an image.

        Args:
            member: Its path in the archive.

        Raises:
            FileNotFoundError: There is none; names archive, member and remedy.
        """
        key = np.uint64(member_key(member))
        place = int(np.searchsorted(self._index.keys, key))
        if place == len(self) or self._index.keys[place] != key:
            raise FileNotFoundError(
                f'{self.archive} has no member {member!r}. Check `data_prefix`, or pack the images of this '
                'annotation file with mmroi pack-images'
            )
        path = self.paths[self._shards[place]]
        return Member(path, *(int(column[place]) for column in self._index[1:]))

    def read(self, member: str) -> bytes:
        """Read an image.

        Args:
            member: Its path in the archive.

        Returns:
            Its content, as it was packed.

        Raises:
            ArchiveError: It is damaged.
            FileNotFoundError: There is none.
        """
        found = self.find(member)
        block = self._read_at(found.archive, found.offset - tarfile.BLOCKSIZE, tarfile.BLOCKSIZE + found.size)
        header, content = block[: tarfile.BLOCKSIZE], block[tarfile.BLOCKSIZE :]
        reason = _find_fault(header, content, member, found)
        if reason:
            raise ArchiveError(f'{found.archive}: the member {member!r} {reason}; {_REMEDY}')
        return content

    def stamp(self, member: str) -> tuple[int, int]:
        """Return what changes with an image: its size, and the time in ns at which its archive was written.

        Args:
            member: Its path in the archive.

        Raises:
            FileNotFoundError: There is none.
        """
        found = self.find(member)
        return found.size, found.archive.stat().st_mtime_ns

    def _read_at(self, path: Path, offset: int, size: int) -> bytes:
        """Read at a place of a file that stays open; forked processes share no position."""
        if path not in self._open:
            if len(self._open) >= _MAX_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            self._open[path] = os.open(path, os.O_RDONLY)
        return os.pread(self._open[path], size, max(offset, 0))

    def __del__(self) -> None:
        for descriptor in getattr(self, '_open', {}).values():
            os.close(descriptor)


def image_stamp(path: str) -> tuple[int, int]:
    """Return size and time of an image, of that of its archive if it lies in one.

    Args:
        path: The image.

    Returns:
        Bytes, and nanoseconds.

    Raises:
        OSError: It does not exist.
    """
    inside = split_archive(path)
    if inside:
        return open_archive(inside[0]).stamp(inside[1])
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def expand_shards(archive: str) -> list[Path]:
    """List the files of an archive in shards.

    Args:
        archive: A path with at most one range of numbers, such as ``a-{000..012}.tar``.

    Raises:
        ValueError: The range is empty or has more than 65,536 numbers.
    """
    found = _SHARDS.search(archive)
    if found is None:
        return [Path(archive)]
    first, last = int(found[1]), int(found[2])
    if not 0 <= last - first < _MAX_SHARDS:
        raise ValueError(
            f'{archive}: the range of shards {found[0]} must rise, to at most {_MAX_SHARDS} shards'
        )
    start, end = archive[: found.start()], archive[found.end() :]
    return [Path(f'{start}{number:0{len(found[1])}}{end}') for number in range(first, last + 1)]


def member_key(member: str) -> int:
    """Identify a path in an archive by 64 bits, so that the index of a million images takes 30 MB."""
    name = posixpath.normpath(member).encode(errors='surrogateescape')
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), 'little')


def make_index(
    names: Iterable[str], offsets: Iterable[int], sizes: Iterable[int], checksums: Iterable[int] | None = None
) -> ArchiveIndex:
    """Make the index of an archive; of members of the same name the last counts, as in tar.

    Args:
        names: Paths in the archive.
        offsets: Of their contents, bytes.
        sizes: Of their contents, bytes.
        checksums: CRC-32 of their contents; None if they are unknown.
    """
    keys = np.array([member_key(name) for name in names], np.uint64)
    columns = [np.array([*values], np.int64) for values in (offsets, sizes)]
    columns.append(np.full(len(keys), UNKNOWN) if checksums is None else np.array([*checksums], np.int64))
    _, last = np.unique(keys[::-1], return_index=True)
    return ArchiveIndex(*(column[len(keys) - 1 - last] for column in (keys, *columns)))


def write_index(path: Path, index: ArchiveIndex, archive_size: int) -> None:
    """Write the index of an archive beside it.

    Args:
        path: The archive.
        index: Its index.
        archive_size: Its size in bytes.
    """
    write_npz(_index_path(path), dict(archive_size=archive_size, **index._asdict()))


def read_index(path: Path) -> ArchiveIndex:
    """Read the index of an archive. If it has none, it is made from the headers of all members.

    Args:
        path: The archive.

    Raises:
        ArchiveError: The archive is damaged, compressed, or has another size than its index says.
        ValueError: The index is damaged.
    """
    place = _index_path(path)
    if not place.is_file():
        with one_process_at_a_time(path):
            if not place.is_file():
                return _scan_and_write(path)
    file = LazyNpz(place)
    with name_errors(place, remedy='Delete it; it is made again'):
        index = ArchiveIndex(*(np.array(file.read(name)) for name in ArchiveIndex._fields))
        size = int(file.read('archive_size'))
        if len({len(column) for column in index}) != 1 or any(column.ndim != 1 for column in index):
            raise ValueError('columns of different lengths')
    found = path.stat().st_size
    if found != size:
        raise ArchiveError(
            f'{path} has {found} bytes, and {size} by {place.name}: {_REMEDY}. If you replaced the archive, '
            f'delete {place.name}, which is made again'
        )
    return index


def _scan_and_write(path: Path) -> ArchiveIndex:
    print_log(f'{path}: reading the headers of its members, once', 'current')
    try:
        with tarfile.open(path, 'r:') as archive:
            members = [(m.name, m.offset_data, m.size) for m in archive if m.isreg() and not m.issparse()]
    except (tarfile.TarError, ValueError) as error:
        raise ArchiveError(
            f'{path}: not a readable tar archive without compression ({error}); {_REMEDY}'
        ) from error
    index = make_index(*(zip(*members, strict=True) if members else ((), (), ())))
    try:
        write_index(path, index, path.stat().st_size)
    except WriteError as error:
        print_log(f'{error}: the headers will be read again each time', 'current')
    return index


def _find_fault(header: bytes, content: bytes, member: str, found: Member) -> str:
    """Return what is wrong with what was read, '' for nothing."""
    if not 0 <= found.size <= MAX_BYTES:
        return f'has {found.size} bytes; it is no image'
    if len(content) != found.size:
        return f'ends after {len(content)} of {found.size} bytes'
    try:
        info = tarfile.TarInfo.frombuf(header, 'utf-8', 'surrogateescape')
    except tarfile.HeaderError as error:
        return f'has no header where the index says ({error})'
    name = posixpath.normpath(member)
    whole = len(name) <= tarfile.LENGTH_NAME and name.isascii()  # else the name stands elsewhere
    if info.size != found.size or (whole and posixpath.normpath(info.name) != name):
        return f'is {info.name!r} of {info.size} bytes where the index says, instead of {found.size}'
    if found.checksum not in (UNKNOWN, zlib.crc32(content)):
        return 'is damaged: its checksum is wrong'
    return ''


def _index_path(path: Path) -> Path:
    return path.with_name(path.name + INDEX_SUFFIX)


@lru_cache(256)
def _is_folder(path: str) -> bool:
    return os.path.isdir(path)
