"""Reads body models in SMPL's format: the open body, official SMPL pickles, npz files with the same keys."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmroi.fileio.smpl_unpickler import load_smpl_pickle
from mmroi.structures import SMPL_PARENTS
from mmroi.utils.choices import OPEN
from mmroi.utils.installation import find_page

OPEN_BODY = Path(__file__).parent / 'assets' / 'open_body.npz'
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
_MEANS = ('mean_pose6d', 'mean_betas', 'mean_camera')  # the open body's
_KEYS = (*_SHAPES, *_REGRESSORS, *_MEANS, 'posedirs_step', 'posedirs_value')
_MAX_BETAS = 1000
_DIGEST_BETAS = 10
_MAX_BYTES = 1 << 30  # 300 shape coefficients take 50 MB
_MAX_HEIGHT = 5.0  # meters, of the largest side of the body at rest
_WEIGHTS_TOLERANCE = 1e-3  # of sums of weights, in files of few digits
_OTHER_MODELS = {5: 'FLAME', 16: 'MANO', 52: 'SMPL-H', 55: 'SMPL-X'}  # by number of joints
_OPEN_REMEDY = f'use the open body: --body-model {OPEN}, or model_path={OPEN!r} in a config'
_REMEDY = f'Download SMPL 1.1.0 for Python from https://smpl.is.tue.mpg.de again, or {_OPEN_REMEDY}.'
_REGRESSOR_REMEDY = (
    "It is part of SPIN's data (https://github.com/nkolot/SPIN, fetch_data.sh) and of MMHuman3D's "
    'body_models.'
)


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
        f'({find_page("body_models.md")}). Or {_OPEN_REMEDY}; it ships with mmroi but is not SMPL.'
    )


def body_files(model_path: str | Path | None, gender: str = 'neutral') -> list[Path]:
    """List the files of a body model, whether or not they exist.

    Args:
        model_path: See :func:`find_body_file`.
        gender: See :func:`find_body_file`.

    Returns:
        The model, and the joint regressors in the same folder if they are not in its file.
    """
    candidates = _candidates(model_path, gender)
    model = next((path for path in candidates if path.is_file()), candidates[0])
    inside = _npz_keys(model)
    return [model, *(model.parent / f'{key}.npy' for key in _REGRESSORS if key not in inside)]


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
        return [path / f'SMPL_{gender.upper()}{suffix}' for suffix in ('.pkl', '.npz', '.PKL')]
    return [path]


def load_body_file(path: str | Path) -> dict[str, np.ndarray]:
    """Read a body model in SMPL's format.

    Args:
        path: A pickle (official SMPL, read without chumpy and without executing code) or an npz (the open
            body, whose ``posedirs`` are sparse, or any npz with SMPL's keys). The content decides, not the
            suffix.

    Returns:
        ``v_template`` (6890, 3) in meters, ``f`` (13776, 3), ``weights`` (6890, 24), ``shapedirs``
        (6890, 3, B), ``posedirs`` (6890, 3, 207), ``J_regressor`` (24, 6890), ``kintree_table`` (2, 24),
        ``J_regressor_h36m`` (17, 6890), ``J_regressor_extra`` (9, 6890), and the means of the open body.

    Raises:
        FileNotFoundError: If the joint regressors of an official model are missing.
        ValueError: If a key is missing, has a wrong shape or values that are not finite numbers, the body is
            not of human size in meters, the file is that of another model (SMPL-H, SMPL-X, ...), or it cannot
            be read.
        pickle.UnpicklingError: If a pickle refers to anything that SMPL files do not need.
    """
    path = Path(path)
    arrays = _load_npz(path) if zipfile.is_zipfile(path) else load_smpl_pickle(path, _KEYS)
    if 'weights' in arrays and (name := _name_other_model(arrays['weights'])):
        raise ValueError(
            f"{path}: 'weights' are those of {name}, and mmroi needs SMPL, with {NUM_JOINTS} joints: use its "
            f'files (https://smpl.is.tue.mpg.de), or {_OPEN_REMEDY}.'
        )
    if 'posedirs_value' in arrays and 'posedirs_step' in arrays:
        try:
            arrays['posedirs'] = _densify_posedirs(arrays.pop('posedirs_step'), arrays.pop('posedirs_value'))
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: 'posedirs_step' and 'posedirs_value' do not fit: {error}.") from error
    for key, shape in _SHAPES.items():
        _check_array(path, key, arrays.get(key), shape, _REMEDY)
    _check_size(path, arrays['v_template'], arrays['shapedirs'])
    if tuple(int(p) for p in arrays['kintree_table'][0, 1:]) != SMPL_PARENTS[1:]:
        raise ValueError(f"{path}: 'kintree_table' is not SMPL's kinematic tree. {_REMEDY}")
    if np.abs(arrays['weights'].sum(1) - 1).max() > _WEIGHTS_TOLERANCE or arrays['weights'].min() < 0:
        raise ValueError(
            f"{path}: the skinning 'weights' of a vertex must be positive and sum to one. {_REMEDY}"
        )
    if not 0 <= arrays['f'].min() <= arrays['f'].max() < NUM_VERTICES:
        raise ValueError(f"{path}: 'f' names vertices that are not among the {NUM_VERTICES}. {_REMEDY}")
    for key, rows in _REGRESSORS.items():
        origin, remedy = path, _REMEDY
        if key not in arrays:
            origin, remedy = path.parent / f'{key}.npy', _REGRESSOR_REMEDY
            arrays[key] = _load_regressor(origin)
        _check_array(origin, key, arrays[key], (rows, NUM_VERTICES), remedy)
    return arrays


def body_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Identify a body by its mean shape and its shape space, whatever its file is called.

    Args:
        arrays: Of :func:`load_body_file`.

    Returns:
        The first 8 hexadecimal digits of a SHA-256.
    """
    shape = arrays['shapedirs'][:, :, :_DIGEST_BETAS]
    parts = [np.ascontiguousarray(part, dtype='<f4') for part in (arrays['v_template'], shape)]
    return hashlib.sha256(b''.join(part.tobytes() for part in parts)).hexdigest()[:8]


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        if (size := sum(info.file_size for info in zipfile.ZipFile(path).infolist())) > _MAX_BYTES:
            raise ValueError(f'it unpacks to {size} bytes')
        with np.load(path, allow_pickle=False) as archive:
            # Other models' files have pickled objects, too: their weights suffice to refuse them.
            other = 'weights' in archive and _name_other_model(archive['weights'])
            return {key: archive[key] for key in (('weights',) if other else _KEYS) if key in archive}
    except Exception as error:
        raise ValueError(
            f'{path}: not a readable npz of plain arrays ({error}). Download or create it again, without '
            'pickled objects.'
        ) from error


def _npz_keys(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix('.npy') for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return set()


def _name_other_model(weights: np.ndarray) -> str | None:
    return _OTHER_MODELS.get(weights.shape[1]) if weights.ndim == 2 else None


def _check_size(path: Path, template: np.ndarray, shapedirs: np.ndarray) -> None:
    height = np.ptp(template, axis=0).max()
    if not 0.2 <= height <= _MAX_HEIGHT:
        raise ValueError(
            f"{path}: the body of 'v_template' is {height:.6g} m tall; it must be in meters, not millimeters "
            f'or centimeters. {_REMEDY}'
        )
    if shapedirs.shape[2] > _MAX_BETAS or np.abs(shapedirs).max(initial=0) > _MAX_HEIGHT:
        raise ValueError(f"{path}: 'shapedirs' are not in meters, or too many. {_REMEDY}")


def _densify_posedirs(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Build posedirs (6890, 3, 207) from the values of non-zero entries and the steps between them, (K,)."""
    dense = np.zeros(NUM_VERTICES * 3 * 9 * (NUM_JOINTS - 1), np.float32)
    dense[np.cumsum(steps, dtype=np.int64)] = values
    return dense.reshape(NUM_VERTICES, 3, -1)


def _check_array(
    path: Path, key: str, array: np.ndarray | None, shape: tuple[int | None, ...], remedy: str
) -> None:
    if array is None:
        raise ValueError(
            f"{path}: key '{key}' is missing; this is not a body model in SMPL's format. {remedy}"
        )
    found = np.shape(array)
    if len(found) != len(shape) or any(n is not None and n != m for n, m in zip(shape, found, strict=True)):
        wanted = tuple('*' if n is None else n for n in shape)
        raise ValueError(f"{path}: '{key}' has shape {found}, expected {wanted}. {remedy}")
    if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
        raise ValueError(f"{path}: '{key}' has values that are no finite numbers. {remedy}")


def _load_regressor(path: Path) -> np.ndarray:
    _check_regressor(path)
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:  # a damaged header can ask for anything
        raise ValueError(f'{path}: not a readable npy ({error}). {_REGRESSOR_REMEDY}') from error


def _check_regressor(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is missing: an official SMPL file needs {path.name} in the same folder. '
            f'{_REGRESSOR_REMEDY}'
        )
