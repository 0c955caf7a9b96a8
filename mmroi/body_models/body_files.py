"""Reads body models in SMPL's format: the open body, official SMPL pickles, npz files of the same keys."""

from pathlib import Path
from typing import Any

import numpy as np

from mmroi.fileio.smpl_unpickler import load_smpl_pickle
from mmroi.structures import SMPL_PARENTS

OPEN_BODY = Path(__file__).parent / 'assets' / 'open_body.npz'
OPEN = 'open'  # names the open body where a path is expected
NUM_VERTICES, NUM_FACES, NUM_JOINTS = 6890, 13776, 24
GENDERS = ('neutral', 'male', 'female')

_SHAPES: dict[str, tuple[int | None, ...]] = {
    'v_template': (NUM_VERTICES, 3),
    'f': (NUM_FACES, 3),
    'weights': (NUM_VERTICES, NUM_JOINTS),
    'shapedirs': (NUM_VERTICES, 3, None),
    'posedirs': (NUM_VERTICES, 3, 9 * (NUM_JOINTS - 1)),
    'J_regressor': (NUM_JOINTS, NUM_VERTICES),
    'kintree_table': (2, NUM_JOINTS),
}
_REGRESSORS = {'J_regressor_h36m': 17, 'J_regressor_extra': 9}
_REGRESSOR_FILES = tuple(f'{key}.npy' for key in _REGRESSORS)


def find_body_file(model_path: str | Path | None, gender: str = 'neutral') -> Path:
    """Path of the body-model file to read.

    Args:
        model_path: A file, a folder holding ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl`` (or ``.npz``), or for the open
            body ``'open'`` or None. A folder of this name is ``./open``.
        gender: ``'neutral'``, ``'male'`` or ``'female'``; picks the file inside a folder.

    Raises:
        ValueError: ``gender`` is none of the three.
        FileNotFoundError: There is no such file; the message says where it must be and where to get it.
    """
    if gender not in GENDERS:
        raise ValueError(f'gender must be one of {GENDERS}, got {gender!r}')
    candidates = _candidates(model_path, gender)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f'no body model at {candidates[0]}: download SMPL 1.1.0 for Python from https://smpl.is.tue.mpg.de '
        '(registration, non-commercial license), rename basicmodel_{neutral,m,f}_lbs_10_207_0_v1.1.0.pkl to '
        f'SMPL_{{NEUTRAL,MALE,FEMALE}}.pkl and put it there, beside it {" and ".join(_REGRESSOR_FILES)} '
        '(docs/body_models.md); or name the open body, which ships with mmroi and is not SMPL: --body-model '
        f'{OPEN} on the command line, model_path={OPEN!r} in a config.'
    )


def body_files(model_path: str | Path | None, gender: str = 'neutral') -> list[Path]:
    """Files that a body is read from, whether or not they are there.

    Args:
        model_path: As in :func:`find_body_file`.
        gender: Likewise.

    Returns:
        list[Path]: The model, and the joint regressors that an official pickle needs beside it.
    """
    candidates = _candidates(model_path, gender)
    model = next((path for path in candidates if path.is_file()), candidates[0])
    if model.suffix != '.pkl':
        return [model]
    return [model, *(model.parent / name for name in _REGRESSOR_FILES)]


def check_body_files(model_path: str | Path | None, gender: str = 'neutral') -> None:
    """Make sure that a body can be read, without reading it.

    Args:
        model_path: As in :func:`find_body_file`.
        gender: Likewise.

    Raises:
        FileNotFoundError: The model, or a joint regressor beside it, is absent; the message tells the remedy.
    """
    find_body_file(model_path, gender)
    for path in body_files(model_path, gender)[1:]:
        _check_regressor(path)


def is_open(model_path: str | Path | None) -> bool:
    """Tell whether this names the open body."""
    return model_path is None or model_path == OPEN


def has_genders(model_path: str | Path | None) -> bool:
    """Tell whether this names a folder with a body of each gender, and not one body for all."""
    if model_path is None or is_open(model_path):
        return False
    path = Path(model_path).expanduser()
    return path.is_dir() or not path.suffix


def _candidates(model_path: str | Path | None, gender: str) -> list[Path]:
    if model_path is None or is_open(model_path):
        return [OPEN_BODY]
    path = Path(model_path).expanduser()
    if has_genders(path):
        return [path / f'SMPL_{gender.upper()}{suffix}' for suffix in ('.pkl', '.npz')]
    return [path]


def load_body_file(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of a body model in SMPL's format.

    Args:
        path: ``.pkl`` (official SMPL; read without chumpy and without running its code) or ``.npz`` (the open
            body, whose ``posedirs`` are stored sparse, or any npz with SMPL's keys).

    Returns:
        dict[str, np.ndarray]: ``v_template`` (6890, 3) in meters, ``f`` (13776, 3), ``weights`` (6890, 24),
        ``shapedirs`` (6890, 3, B), ``posedirs`` (6890, 3, 207), ``J_regressor`` (24, 6890), ``kintree_table``
        (2, 24), ``J_regressor_h36m`` (17, 6890), ``J_regressor_extra`` (9, 6890), and the other arrays that
        the file holds.

    Raises:
        FileNotFoundError: The joint regressors beside an official model are missing.
        ValueError: A key is missing or has a wrong shape, or the file cannot be read.
        pickle.UnpicklingError: A pickle names anything that SMPL files do not need.
    """
    path = Path(path)
    arrays = load_smpl_pickle(path) if path.suffix == '.pkl' else _load_npz(path)
    if 'posedirs_value' in arrays:
        arrays['posedirs'] = _densify_posedirs(arrays.pop('posedirs_step'), arrays.pop('posedirs_value'))
    for key, shape in _SHAPES.items():
        _check_shape(path, key, arrays, shape)
    if tuple(int(p) for p in arrays['kintree_table'][0, 1:]) != SMPL_PARENTS[1:]:
        raise ValueError(f"{path}: 'kintree_table' is not SMPL's kinematic tree")
    for key, rows in _REGRESSORS.items():
        if key not in arrays:
            arrays[key] = _load_regressor(path, key)
        _check_shape(path, key, arrays, (rows, NUM_VERTICES))
    return arrays


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as error:
        raise ValueError(
            f'{path}: not a readable npz of plain arrays ({error}). Get the file anew, or save '
            'its arrays without pickled objects.'
        ) from error


def _densify_posedirs(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(6890, 3, 207) from the steps between non-zero entries in flat order, and their values, both (K,)."""
    dense = np.zeros(NUM_VERTICES * 3 * 9 * (NUM_JOINTS - 1), np.float32)
    dense[np.cumsum(steps, dtype=np.int64)] = values
    return dense.reshape(NUM_VERTICES, 3, -1)


def _check_shape(path: Path, key: str, arrays: dict[str, Any], shape: tuple[int | None, ...]) -> None:
    if key not in arrays:
        raise ValueError(f"{path}: key '{key}' is missing; this is no body model in SMPL's format")
    found = np.shape(arrays[key])
    if len(found) != len(shape) or any(n is not None and n != m for n, m in zip(shape, found, strict=True)):
        wanted = tuple('*' if n is None else n for n in shape)
        raise ValueError(f"{path}: '{key}' has shape {found}, expected {wanted}")


def _load_regressor(model_path: Path, key: str) -> np.ndarray:
    path = model_path.parent / f'{key}.npy'
    _check_regressor(path)
    return np.load(path, allow_pickle=False)


def _check_regressor(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is missing: an official SMPL file needs {path.name} beside it. It is part of the data '
            "of SPIN (https://github.com/nkolot/SPIN, fetch_data.sh) and of MMHuman3D's body_models folder."
        )
