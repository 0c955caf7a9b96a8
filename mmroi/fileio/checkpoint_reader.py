"""Read checkpoints of torch as data, in place of ``torch.load``.

``torch.load(weights_only=True)`` refuses MMEngine's checkpoints unless its classes are allowed for the
whole process, and then a crafted file crashes the process or changes these classes. It also refuses the
weights of a file that holds anything else. This reader imports and calls nothing that the file names: it
knows one table of names (:mod:`mmroi.fileio.checkpoint_names`), and leaves out what it does not know.
"""

import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import torch
from safetensors import safe_open

from mmroi.fileio.checkpoint_names import (
    CHECKPOINT_BUILDERS,
    CHECKPOINT_NAMES,
    Storage,
    StorageKind,
)
from mmroi.fileio.inert_names import Global, Refused, Unread
from mmroi.fileio.inert_pickle import InertUnpickler
from mmroi.fileio.other_files import START, name_other_file
from mmroi.utils.installation import absence_of, resolve_file

_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of files before torch 1.6
_PROTOCOL = 1001
_MAX_RATIO = 16  # of the unpacked size to the size of the file; torch does not compress
_PIECE = 1 << 24


class UnreadEntry:
    """Stands for an entry of a checkpoint that holds objects of unknown classes, and complains when used.

    Args:
        path: The checkpoint.
        key: The entry.
        names: Classes that it needs.
    """

    def __init__(self, path: Path, key: object, names: list[str]) -> None:
        self.__dict__.update(path=path, key=key, names=names)

    names: list[str]

    def _complain(self, *_arguments: Any) -> NoReturn:
        known = self.__dict__
        raise ValueError(
            f'{known["path"]}: {known["key"]!r} needs {", ".join(known["names"])}, which is not read. '
            'Its weights can be used (load_from, test.py), but no training can resume from it'
        )

    __getattr__ = __setattr__ = __getitem__ = __setitem__ = __contains__ = __iter__ = __len__ = _complain


def read_checkpoint(path: str | Path) -> dict[Any, Any]:
    """Read all that is data in a checkpoint.

    Args:
        path: A safetensors file, or a file of ``torch.save`` in its new or old format. The content decides,
            not the suffix. A relative path may also be one of this project, ``checkpoints/...``.

    Returns:
        Content of the file, with tensors on the CPU; for safetensors ``state_dict`` and ``meta``. An entry
        with objects of unknown classes is an :class:`UnreadEntry`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is no checkpoint, is damaged, holds no dictionary, or asks for what only an
            attack needs.
    """
    try:
        path = resolve_file(path)
    except FileNotFoundError:
        raise FileNotFoundError(f'checkpoint {absence_of(path)}') from None
    with path.open('rb') as file:
        if other := name_other_file(file.read(START)):
            raise ValueError(f'checkpoint {path} {other}')
    try:
        content = _read(path)
    except Refused as error:
        reason = str(error)
        named = 'names' in reason or 'asks' in reason
        raise ValueError(
            f'{path} is not a checkpoint that can be read safely (weights only): '
            f'{reason}{", which weights do not need" if named else ""}; get the file from its authors'
        ) from None
    except Exception as error:  # damaged bytes can raise almost anything
        known = f' ({error})' if isinstance(error, _OtherFile) else ''
        raise ValueError(
            f'{path} is not a checkpoint that can be read safely (weights only): it is damaged, truncated or '
            f'of another format{known}; delete it and download it again'
        ) from None
    if isinstance(content, Unread):
        raise ValueError(
            f'{path} is not a checkpoint but an object of {content.name}, saved whole; load it where it was '
            'made and save its state_dict()'
        )
    if not isinstance(content, dict):
        raise ValueError(f'{path} holds no state dict; its content is: {type(content).__name__}')
    for key, value in content.items():
        if names := sorted(set(_unread(value))):
            content[key] = UnreadEntry(path, key, names)
    return content


class _OtherFile(Exception):
    """The file is sound but no checkpoint."""


def _read(path: Path) -> Any:
    with path.open('rb') as file:
        start = file.read(9)
        file.seek(0)
        if start[8:] == b'{':  # a JSON header behind its length
            with safe_open(path, framework='pt') as weights:
                state = {name: weights.get_tensor(name) for name in weights.keys()}
                return dict(meta=weights.metadata() or {}, state_dict=state)
        if start.startswith(b'PK'):
            with zipfile.ZipFile(file) as archive:
                return _read_archive(archive, path.stat().st_size)
        return _read_old(file, path.stat().st_size)


def _read_archive(archive: zipfile.ZipFile, size: int) -> Any:
    members = {info.filename: info for info in archive.infolist()}
    roots = [name.removesuffix('data.pkl') for name in members if re.fullmatch(r'[^/]+/data\.pkl', name)]
    if len(roots) != 1:
        raise _OtherFile('a zip archive, but not of torch.save')
    (root,) = roots
    if f'{root}constants.pkl' in members:
        raise _OtherFile('a TorchScript program; its weights were saved with code')
    if sum(info.file_size for info in members.values()) > _MAX_RATIO * size:
        raise ValueError('unpacks to many times its size')
    storages: dict[str, Storage] = {}
    swapped = f'{root}byteorder' in members and archive.read(f'{root}byteorder') == b'big'

    def load(kind: StorageKind, key: Any, _location: Any, count: Any) -> Storage:
        if key not in storages:
            info = members[f'{root}data/{key}']
            if info.file_size != count * kind.dtype.itemsize:
                raise ValueError('a storage has another size than its tensors need')
            memory = torch.UntypedStorage(info.file_size)
            with archive.open(info) as member:
                _fill(memory, member)
            if swapped:
                memory.byteswap(kind.dtype)
            storages[key] = Storage(kind.dtype, memory)
        return storages[key]

    with archive.open(members[f'{root}data.pkl']) as member:
        return _Unpickler(member, load).load()


def _read_old(file: IO[bytes], size: int) -> Any:
    """Read the format before torch 1.6: pickles, of which the main one comes first, then the storages."""

    def no_storage(*_arguments: Any) -> NoReturn:
        raise ValueError('a storage before the content')

    storages: dict[Any, Storage] = {}
    left = size

    def allocate(kind: StorageKind, key: Any, _location: Any, count: Any, view: Any = None) -> Storage:
        nonlocal left
        if key not in storages:
            left -= count * kind.dtype.itemsize
            if left < 0:
                raise ValueError('its storages are larger than the file')
            memory = torch.zeros(count * kind.dtype.itemsize, dtype=torch.uint8)
            storages[key] = Storage(kind.dtype, memory.untyped_storage())
        if view is None:
            return storages[key]
        _, start, length = (n * kind.dtype.itemsize if type(n) is int else n for n in view)
        if not 0 <= start <= start + length <= storages[key].memory.nbytes():
            raise ValueError('a view lies outside of its storage')
        return Storage(kind.dtype, storages[key].memory[start : start + length])

    if _Unpickler(file, no_storage).load() != _MAGIC or _Unpickler(file, no_storage).load() != _PROTOCOL:
        raise _OtherFile('not of torch.save')
    _Unpickler(file, no_storage).load()  # sizes of integers
    start = file.tell()
    _Unpickler(file, allocate).load()  # to learn of the storages, which follow
    keys = _Unpickler(file, no_storage).load()
    if not all(type(key) in (str, int) for key in keys) or set(keys) != set(storages):
        raise ValueError('storages are missing')
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(file.read(8), 'little')
        if count * storage.dtype.itemsize != storage.memory.nbytes():
            raise ValueError('a storage has another size than its tensors need')
        _fill(storage.memory, file)
    file.seek(start)
    return _Unpickler(file, allocate).load()


class _Unpickler(InertUnpickler):
    """Reads a pickle of torch, whose storages lie outside."""

    def __init__(self, file: IO[bytes], load_storage: Callable[..., Storage]) -> None:
        super().__init__(file, CHECKPOINT_NAMES, CHECKPOINT_BUILDERS, skip_unknown=True)
        self._load_storage = load_storage

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and pid and pid[0] == 'module':
            return pid[1]  # a class, with its source
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != 'storage':
            raise pickle.UnpicklingError('a reference to something that is no storage')
        if not isinstance(pid[1], StorageKind):
            return Unread('a storage of an unknown type')
        if type(pid[4]) is not int or pid[4] < 0 or type(pid[2]) not in (str, int):
            raise ValueError('a storage without a size')
        return self._load_storage(*pid[1:])


def _fill(memory: torch.UntypedStorage, file: IO[bytes]) -> None:
    """Read the next bytes of a file into memory."""
    if not memory.nbytes():
        return
    view = torch.empty(0, dtype=torch.uint8).set_(memory).numpy().data
    done = 0
    while done < len(view):
        piece = file.read(min(_PIECE, len(view) - done))
        if not piece:
            raise EOFError('the file ends too early')
        view[done : done + len(piece)] = piece
        done += len(piece)


def _unread(value: Any) -> Iterator[str]:
    """Find the classes of objects that were not read."""
    left, seen = [value], set()
    while left:
        item = left.pop()
        if isinstance(item, Unread | Global):
            yield item.name
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            left.extend((*item, *item.values()) if isinstance(item, dict) else item)
        elif isinstance(item, np.ndarray) and item.dtype.hasobject and id(item) not in seen:
            seen.add(id(item))
            left.extend(item.ravel())
