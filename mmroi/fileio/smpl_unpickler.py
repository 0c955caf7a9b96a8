"""Read official SMPL pickles without chumpy and without running code.

SMPL's files were written by Python 2 with chumpy, which cannot be installed on current Python. They contain
only arrays, sparse matrices and chumpy nodes that wrap arrays, and so do the copies that people save again.
"""

import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mmroi.fileio.inert_names import Refused, to_array
from mmroi.fileio.inert_pickle import unpickle

_REMEDY = 'Download the file again from https://smpl.is.tue.mpg.de.'


def load_smpl_pickle(path: str | Path, keys: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Load the arrays of an SMPL pickle.

    Args:
        path: ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``.
        keys: Names to convert to arrays; all by default.

    Returns:
        Arrays by SMPL's names, sparse matrices converted to dense ones. Other entries (strings) are ignored.

    Raises:
        pickle.UnpicklingError: The file names a class or function that SMPL files do not need: it is
            malicious or not an SMPL file.
        ValueError: The file is damaged or does not contain a dictionary.
    """
    try:
        with open(path, 'rb') as file:
            content = unpickle(file)
        if not isinstance(content, dict):
            raise TypeError(f'a {type(content).__name__} instead of a dictionary')
        wanted = content if keys is None else [key for key in keys if key in content]
        arrays = {key: to_array(content[key]) for key in wanted}
    except Refused as error:
        raise pickle.UnpicklingError(
            f'{path}: {error}, which is no part of an SMPL file; refusing to load it. {_REMEDY}'
        ) from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise ValueError(f'{path}: damaged or no SMPL model ({error}). {_REMEDY}') from error
    return {key: value for key, value in arrays.items() if isinstance(value, np.ndarray)}
