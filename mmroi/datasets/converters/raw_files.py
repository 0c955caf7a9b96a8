"""Reads raw downloads: never with free unpickling, and with the file's name in every error."""

import json
import pickle
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from mmroi.fileio.npz_io import LazyNpz, SafeUnpickler


class _Refused(Exception):
    """The pickle asks for something that could run code."""


class _Unpickler(SafeUnpickler):
    """Tells a refusal from damage, for which pickle has the same error."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except pickle.UnpicklingError as error:
            raise _Refused(str(error)) from error


def find_file(root: Path, *candidates: str) -> Path:
    """The first of several places where a file may lie.

    Args:
        root: Folder of the download.
        candidates: Paths relative to it.

    Returns:
        The file that is there.

    Raises:
        FileNotFoundError: None is.
    """
    for candidate in candidates:
        if (root / candidate).is_file():
            return root / candidate
    places = ' or '.join(str(root / candidate) for candidate in candidates)
    raise FileNotFoundError(
        f'{places}: no such file. docs/data.md shows where it comes from and the folders '
        'that are expected; correct --root'
    )


def list_files(folder: Path, pattern: str) -> list[Path]:
    """Files of a folder, sorted by name.

    Args:
        folder: Where to look.
        pattern: Glob.

    Returns:
        At least one file.

    Raises:
        FileNotFoundError: There is no such folder or no such file.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise FileNotFoundError(
            f'{folder / pattern}: no such files. docs/data.md shows the folders that are '
            'expected; correct --root'
        )
    return files


def read_pickle(path: Path) -> Any:
    """A pickle of Python 2 or 3 that holds NumPy arrays and built-in containers.

    Args:
        path: The file.

    Returns:
        Its content; strings of Python 2 as latin-1.

    Raises:
        pickle.UnpicklingError: It names anything else; nothing of it was run.
        ValueError: The file is damaged.
    """
    with open(path, 'rb') as file:
        try:
            return _Unpickler(file, encoding='latin1').load()
        except _Refused as error:
            raise pickle.UnpicklingError(
                f'{path}: refused to unpickle: {error}. Do not trust this file; get it from its source again'
            ) from error
        except Exception as error:  # damaged bytes make pickle raise almost anything
            raise _damaged(path, error) from error


def open_npz(path: Path, required: tuple[str, ...] = ()) -> LazyNpz:
    """An npz whose members are read when asked for; the last few stay open.

    Args:
        path: The file.
        required: Members that must be there.

    Returns:
        The reader; object arrays come through the restricted unpickler.

    Raises:
        ValueError: The file is damaged, or members are missing.
    """
    npz = _cached_npz(path, path.stat().st_mtime_ns if path.is_file() else 0)
    require(npz.keys(), required, path)
    return npz


def read_json(path: Path, required: Iterable[str] = ()) -> dict[str, Any]:
    """A JSON object.

    Args:
        path: The file.
        required: Keys that must be there.

    Returns:
        Its content.

    Raises:
        ValueError: The file is damaged, or keys are missing.
    """
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict):
        raise ValueError(f'{path}: holds a {type(content).__name__}, expected an object of {list(required)}')
    require(content, required, path)
    return content


def read_mat(path: Path, required: Iterable[str] = ()) -> Mapping[str, Any]:
    """A MATLAB file, version 5 or 7.3.

    Args:
        path: The file.
        required: Variables that must be there.

    Returns:
        Version 5: as ``scipy.io.loadmat`` with structures squeezed. Version 7.3: an open ``h5py.File``, whose
        arrays have their axes in reverse order; the caller closes it.

    Raises:
        ValueError: The file is damaged, or variables are missing.
    """
    try:
        content: Mapping[str, Any]
        if h5py.is_hdf5(path):
            content = h5py.File(path, 'r')
        else:
            content = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # both readers raise what they come upon
        raise _damaged(path, error) from error
    require(content, required, path)
    return content


def require(found: Iterable[str], required: Iterable[str], path: Path) -> None:
    """Check that a file has what is needed.

    Raises:
        ValueError: Names the file, what is missing and what there is.
    """
    names = list(found)
    missing = [name for name in required if name not in names]
    if missing:
        raise ValueError(
            f'{path}: {", ".join(map(repr, missing))} is missing; the file has {names[:40]}. Is '
            'it the file that docs/data.md names?'
        )


def shaped(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """An array of the wanted shape.

    Args:
        values: Numbers of any shape with the right count after the first axis.
        shape: Wanted shape of a row.
        what: File and key, for the message.

    Returns:
        R rows of ``shape``, float64.

    Raises:
        ValueError: Rows have another number of values.
    """
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{what}: {error}; expected (N, {", ".join(map(str, shape))}) numbers') from error
    if array.ndim == 0 or array.size != len(array) * np.prod(shape, dtype=int):
        raise ValueError(f'{what} has shape {array.shape}, expected (N, {", ".join(map(str, shape))})')
    return array.reshape(len(array), *shape)


@lru_cache(4)
def _cached_npz(path: Path, _modified: int) -> LazyNpz:
    return LazyNpz(path)


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f'{path}: cannot be read ({error}); the file is damaged, truncated or of another kind. '
        'Download it again'
    )
