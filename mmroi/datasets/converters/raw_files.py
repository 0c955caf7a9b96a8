"""Readers of raw downloads. Pickles cannot run code, and every error names the file."""

import json
import pickle
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from mmroi.datasets.converters.input_files import note_input, version_of
from mmroi.fileio.inert_names import Refused
from mmroi.fileio.inert_pickle import unpickle
from mmroi.fileio.npz_io import LazyNpz
from mmroi.utils.installation import find_page


def find_file(root: Path, *candidates: str) -> Path:
    """Find a file in several possible places.

    Args:
        root: Folder of the download.
        candidates: Paths relative to ``root``.

    Returns:
        The first candidate that exists.

    Raises:
        FileNotFoundError: None of them exists.
    """
    for candidate in candidates:
        if (root / candidate).is_file():
            return root / candidate
    places = ' or '.join(str(root / candidate) for candidate in candidates)
    raise FileNotFoundError(
        f'{places}: no such file. {find_page("data.md")} shows where it comes from and the expected folders; '
        'correct --root'
    )


def list_files(folder: Path, pattern: str) -> list[Path]:
    """List files of a folder, sorted by name.

    Args:
        folder: The folder.
        pattern: Glob pattern.

    Returns:
        At least one file.

    Raises:
        FileNotFoundError: The folder does not exist, or no file matches.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise FileNotFoundError(
            f'{folder / pattern}: no such files. {find_page("data.md")} shows the expected '
            'folders; correct --root'
        )
    return files


def read_pickle(path: Path) -> Any:
    """Read a pickle of Python 2 or 3 that holds NumPy arrays and built-in containers.

    Args:
        path: The file.

    Returns:
        Its content. Strings of Python 2 are decoded as latin-1.

    Raises:
        pickle.UnpicklingError: The pickle names anything else; nothing was run.
        ValueError: The file is damaged.
    """
    with open(path, 'rb') as file:
        try:
            return unpickle(file)
        except Refused as error:
            raise pickle.UnpicklingError(
                f'{path}: refused to unpickle: {error}. Do not trust this file; get it from its source again'
            ) from error
        except Exception as error:  # damaged bytes can raise almost anything
            raise _damaged(path, error) from error


def open_npz(path: Path, required: tuple[str, ...] = ()) -> LazyNpz:
    """Open an npz whose members are read on access. The most recent files stay open.

    Args:
        path: The file.
        required: Members that must exist.

    Returns:
        The reader, which decodes object arrays with the restricted unpickler.

    Raises:
        ValueError: The file is damaged, or members are missing.
    """
    npz = _cached_npz(path, version_of(path) if path.is_file() else 0)
    require(npz.keys(), required, path)
    return npz


def read_json(path: Path, required: Iterable[str] = ()) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        required: Keys that must exist.

    Returns:
        The object.

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
    """Read a MATLAB file of version 5 or 7.3.

    Args:
        path: The file.
        required: Variables that must exist.

    Returns:
        Version 5: the result of ``scipy.io.loadmat`` with structures squeezed. Version 7.3: an open
        ``h5py.File``, whose arrays have their axes in reverse order. The caller closes it.

    Raises:
        ValueError: The file is damaged, its data lie in other files, or variables are missing.
    """
    note_input(path)
    try:
        content: Mapping[str, Any]
        if h5py.is_hdf5(path):
            content = _without_other_files(h5py.File(path, 'r'))
        else:
            content = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # both readers can raise almost anything
        raise _damaged(path, error) from error
    require(content, required, path)
    return content


def require(found: Iterable[str], required: Iterable[str], path: Path) -> None:
    """Check that a file has the required names.

    Raises:
        ValueError: Some are missing; lists them and those that the file has.
    """
    names = list(found)
    missing = [name for name in required if name not in names]
    if missing:
        raise ValueError(
            f'{path}: {", ".join(map(repr, missing))} is missing; the file has {names[:40]}. Is it the file '
            f'that {find_page("data.md")} names?'
        )


def shaped(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Convert values to an array of rows of a given shape.

    Args:
        values: Numbers of any shape with the right number of values per row.
        shape: Shape of a row.
        what: File and key, for the error message.

    Returns:
        R rows of ``shape``, float64.

    Raises:
        ValueError: The values are not numbers, or rows have a different number of values.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind == 'c':
            raise TypeError('complex numbers')
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{what}: {error}; expected (N, {", ".join(map(str, shape))}) numbers') from error
    if array.ndim == 0 or array.size != len(array) * np.prod(shape, dtype=int):
        raise ValueError(f'{what} has shape {array.shape}, expected (N, {", ".join(map(str, shape))})')
    return array.reshape(len(array), *shape)


def _without_other_files(content: h5py.File) -> h5py.File:
    """Refuse data in other files, which HDF5 can name by any path and would show as its own."""

    def check(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            raise ValueError(f'the data of {name!r} lie in another file')

    for name in content:
        if not isinstance(content.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f'{name!r} is a link and may lead to another file')
    content.visititems(check)
    return content


@lru_cache(4)
def _cached_npz(path: Path, _modified: int) -> LazyNpz:
    return LazyNpz(path)


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f'{path}: cannot be read ({error}); the file is damaged, truncated or of another kind. '
        'Download it again'
    )
