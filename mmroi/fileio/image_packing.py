"""Pack the images of annotation files into tar archives."""

import glob
import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.file_access import ImageFolders, leads_out, read_regular_file
from mmroi.fileio.image_archives import make_index, read_index, write_index

_DIGITS = 5


class Shard(NamedTuple):
    """An archive to write.

    Attributes:
        path: The archive.
        names: Paths of its images, relative to the image folder.
        sizes: Their sizes in bytes.
    """

    path: Path
    names: list[str]
    sizes: list[int]


def measure_images(
    names: Iterable[str], root: Path, allow_outside: bool = False
) -> Iterator[tuple[str, int | None]]:
    """Find the sizes of images.

    Args:
        names: Paths of images, relative to the folder; those that name the same file twice count once.
        root: The image folder.
        allow_outside: Follow links out of the folder.

    Yields:
        A path and the size of its file in bytes, None if there is no such file.

    Raises:
        ValueError: A path leads out of the folder.
    """
    folders, seen = ImageFolders((root,)), set()
    for name in names:
        plain = posixpath.normpath(name)
        if plain in seen:
            continue
        seen.add(plain)
        if leads_out(name) or not (allow_outside or folders.contain(str(root / name))):
            raise ValueError(
                f'{name} leads out of the image folder {root}; correct the annotation file, or, if it is a '
                'link of yours, use --allow-outside'
            )
        path = root / name
        yield name, path.stat().st_size if path.is_file() else None


def plan_shards(images: Iterable[tuple[str, int]], out: Path, shard_bytes: int) -> list[Shard]:
    """Divide images into shards, in their order.

    Args:
        images: Paths and sizes.
        out: The shards are ``<out>-00000.tar`` and so on.
        shard_bytes: A shard is full once its images have as many bytes together.
    """
    shards: list[Shard] = []
    filled = shard_bytes
    for name, size in images:
        if filled >= shard_bytes:
            filled = 0
            shards.append(Shard(out.with_name(f'{out.name}-{len(shards):0{_DIGITS}}.tar'), [], []))
        shards[-1].names.append(name)
        shards[-1].sizes.append(size)
        filled += size
    return shards


def shards_pattern(shards: Sequence[Shard], out: Path) -> str:
    """Return the path of all shards, as a config names them."""
    if len(shards) == 1:
        return str(shards[0].path)
    return str(out.with_name(f'{out.name}-{{{0:0{_DIGITS}}..{len(shards) - 1:0{_DIGITS}}}}.tar'))


def find_unfinished(shards: Sequence[Shard], out: Path) -> list[Shard]:
    """Find the shards that do not exist yet.

    Args:
        shards: All shards.
        out: As for :func:`plan_shards`.

    Raises:
        ValueError: There are shards with other images.
    """
    planned = {shard.path: shard for shard in shards}
    for path in sorted(out.parent.glob(f'{glob.escape(out.name)}-{"[0-9]" * _DIGITS}.tar')):
        if path not in planned or not _holds(path, planned[path]):
            raise ValueError(
                f'{path} holds other images than these; choose another --out, or delete the archives of '
                'earlier runs'
            )
    return [shard for shard in shards if not shard.path.exists()]


def pack_shard(shard: Shard, root: Path, advance: Callable[[], None] = lambda: None) -> None:
    """Write an archive and its index, whole or not at all.

    Args:
        shard: What to write.
        root: The image folder.
        advance: Called after each image.

    Raises:
        OSError: An image cannot be read, or the disk is full.
        ValueError: An image has changed since it was measured.
    """
    checksums = []
    with atomic_write(shard.path) as temporary:
        with tarfile.open(temporary, 'w', format=tarfile.PAX_FORMAT) as archive:
            for name, size in zip(shard.names, shard.sizes, strict=True):
                content = read_regular_file(root / name)
                if len(content) != size:
                    raise ValueError(f'{root / name} has changed while it was packed; run the tool again')
                checksums.append(zlib.crc32(content))
                info = tarfile.TarInfo(name)
                info.size, info.mtime = size, int((root / name).stat().st_mtime)
                archive.addfile(info, io.BytesIO(content))
                advance()
        with tarfile.open(temporary, 'r:') as archive:
            members = [(info.name, info.offset_data, info.size) for info in archive]
        if [(name, size) for name, _, size in members] != list(zip(shard.names, shard.sizes, strict=True)):
            raise ValueError(f'{shard.path}: the images were not written as they are; run the tool again')
        index = make_index(shard.names, [offset for _, offset, _ in members], shard.sizes, checksums)
        # Before the archive, so that no archive of ours is ever without checksums.
        write_index(shard.path, index, temporary.stat().st_size)


def _holds(path: Path, shard: Shard) -> bool:
    """Whether an archive has the images of a shard, by name and size."""
    found, expected = read_index(path), make_index(shard.names, shard.sizes, shard.sizes)
    return np.array_equal(found.keys, expected.keys) and np.array_equal(found.sizes, expected.sizes)
