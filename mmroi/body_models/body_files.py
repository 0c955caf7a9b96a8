"""Reads body models in SMPL's format: the open body, official SMPL pickles, npz files with the same keys."""

from pathlib import Path
from typing import Any

import numpy as np

from mmroi.fileio.smpl_unpickler import load_smpl_pickle
from mmroi.structures import SMPL_PARENTS

OPEN_BODY = Path(__file__).parent / 'assets' / 'open_body.npz'
OPEN = 'open'  # stands for the open body where a path is expected
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
    """Find the file of a body model.

    Args:
        model_path: A file, a folder with ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl`` (or ``.npz``), or ``'open'`` or
            None for the open body. Write ``./open`` for a folder of that name.
        gender: ``'neutral'``, ``'male'`` or ``'female'``; selects the file in a folder.

    Returns:
        The path of the file.

    Raises:
        ValueError: If ``gender`` is unknown.
        FileNotFoundError: If there is no such file; the message says where to get it and where to put it.
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
        f'SMPL_{{NEUTRAL,MALE,FEMALE}}.pkl and put it there, together with {" and ".join(_REGRESSOR_FILES)} '
        '(docs/body_models.md). Or use the open body, which ships with mmroi but is not SMPL: --body-model '
        f'{OPEN} on the command line, model_path={OPEN!r} in a config.'
    )


def body_files(model_path: str | Path | None, gender: str = 'neutral') -> list[Path]:
    """List the files of a body model, whether or not they exist.

    Args:
        model_path: See :func:`find_body_file`.
        gender: See :func:`find_body_file`.

    Returns:
        The model, and for an official pickle the joint regressors in the same folder.
    """
    candidates = _candidates(model_path, gender)
    model = next((path for path in candidates if path.is_file()), candidates[0])
    if model.suffix != '.pkl':
        return [model]
    return [model, *(model.parent / name for name in _REGRESSOR_FILES)]


def check_body_files(model_path: str | Path | None, gender: str = 'neutral') -> None:
    """Check that all files of a body model exist, without reading them.

    Args:
        model_path: See :func:`find_body_file`.
        gender: See :func:`find_body_file`.

    Raises:
        FileNotFoundError: If the model or a joint regressor is missing; the message gives the remedy.
    """
    find_body_file(model_path, gender)
    for path in body_files(model_path, gender)[1:]:
        _check_regressor(path)


def is_open(model_path: str | Path | None) -> bool:
    """Return whether a model path stands for the open body."""
    return model_path is None or model_path == OPEN


def has_genders(model_path: str | Path | None) -> bool:
    """Return whether a model path is a folder with one body per gender rather than a single body."""
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
    """Read a body model in SMPL's format.

    Args:
        path: ``.pkl`` (official SMPL, read without chumpy and without executing code) or ``.npz`` (the open
            body, whose ``posedirs`` are sparse, or any npz with SMPL's keys).

    Returns:
        ``v_template`` (6890, 3) in meters, ``f`` (13776, 3), ``weights`` (6890, 24), ``shapedirs``
        (6890, 3, B), ``posedirs`` (6890, 3, 207), ``J_regressor`` (24, 6890), ``kintree_table`` (2, 24),
        ``J_regressor_h36m`` (17, 6890), ``J_regressor_extra`` (9, 6890), and any other arrays in the file.

    Raises:
        FileNotFoundError: If the joint regressors of an official model are missing.
        ValueError: If a key is missing or has a wrong shape, or the file cannot be read.
        pickle.UnpicklingError: If a pickle refers to anything that SMPL files do not need.
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
            f'{path}: not a readable npz of plain arrays ({error}). Download or create it again, without '
            'pickled objects.'
        ) from error


def _densify_posedirs(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Build posedirs (6890, 3, 207) from the values of non-zero entries and the steps between them, (K,)."""
    dense = np.zeros(NUM_VERTICES * 3 * 9 * (NUM_JOINTS - 1), np.float32)
    dense[np.cumsum(steps, dtype=np.int64)] = values
    return dense.reshape(NUM_VERTICES, 3, -1)


def _check_shape(path: Path, key: str, arrays: dict[str, Any], shape: tuple[int | None, ...]) -> None:
    if key not in arrays:
        raise ValueError(f"{path}: key '{key}' is missing; this is not a body model in SMPL's format")
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
            f'{path} is missing: an official SMPL file needs {path.name} in the same folder. It is part of '
            "SPIN's data (https://github.com/nkolot/SPIN, fetch_data.sh) and of MMHuman3D's body_models."
        )
