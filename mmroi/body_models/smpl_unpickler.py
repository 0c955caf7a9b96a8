"""Reads official SMPL pickles without chumpy, and without running what a pickle may carry.

SMPL's files were written by Python 2 with chumpy, a package that no longer installs on current Python. They hold only arrays,
sparse matrices and chumpy nodes that wrap arrays, so an exact list of allowed names suffices, and everything else is refused.
"""
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


class _ChumpyNode:
    """Stands in for ``chumpy.ch.Ch`` (array ``x``) and ``chumpy.reordering.Select`` (entries ``idxs`` of node ``a``)."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state[0] if isinstance(state, tuple) else state)

    def to_array(self) -> np.ndarray:
        state = self.__dict__
        if 'x' in state:
            return np.asarray(_to_array(state['x']))
        if 'a' in state and 'idxs' in state:
            array = _to_array(state['a']).ravel()[np.asarray(state['idxs'])]
            shape = state.get('preferred_shape')
            return array if shape is None else array.reshape(shape)
        raise pickle.UnpicklingError(f'unknown chumpy node with attributes {sorted(state)}')


# (module, name) in the pickle -> (module, name) to import; old spellings of NumPy and SciPy map to the current ones.
_MULTIARRAY, _SPARSE = 'numpy.core.multiarray', 'scipy.sparse'
_ALLOWED: dict[tuple[str, str], tuple[str, str]] = {
    ('numpy', 'ndarray'): ('numpy', 'ndarray'),
    ('numpy', 'dtype'): ('numpy', 'dtype'),
    ('_codecs', 'encode'): ('_codecs', 'encode'),
    ('copy_reg', '_reconstructor'): ('copyreg', '_reconstructor'),
    ('copyreg', '_reconstructor'): ('copyreg', '_reconstructor'),
    ('__builtin__', 'object'): ('builtins', 'object'),
    ('builtins', 'object'): ('builtins', 'object'),
}
for _name in ('_reconstruct', 'scalar'):
    for _module in (_MULTIARRAY, 'numpy._core.multiarray'):
        _ALLOWED[_module, _name] = ('numpy._core.multiarray' if np.lib.NumpyVersion(np.__version__) >= '2.0.0'
                                    else _MULTIARRAY, _name)
for _kind in ('csc', 'csr', 'coo'):
    for _module in (f'{_SPARSE}.{_kind}', f'{_SPARSE}._{_kind}'):
        _ALLOWED[_module, f'{_kind}_matrix'] = (_SPARSE, f'{_kind}_matrix')
_CHUMPY = {('chumpy.ch', 'Ch'), ('chumpy.reordering', 'Select'), ('chumpy', 'Ch')}


class _SMPLUnpickler(pickle.Unpickler):

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _CHUMPY:
            return _ChumpyNode
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f'{module}.{name} is not part of an SMPL file; refusing to load it')
        module, name = _ALLOWED[module, name]
        return getattr(import_module(module), name)


def load_smpl_pickle(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of an SMPL pickle, sparse matrices made dense.

    Args:
        path: ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``.

    Returns:
        dict[str, np.ndarray]: The file's arrays by SMPL's names; entries that are no arrays (strings) are left out.

    Raises:
        pickle.UnpicklingError: The file names a class or function that SMPL files do not need: it is damaged or malicious.
        ValueError: The file is truncated or holds no dictionary.
    """
    try:
        with open(path, 'rb') as file:
            content = _SMPLUnpickler(file, encoding='latin1').load()
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(f'{path}: {error}. Get the file anew from https://smpl.is.tue.mpg.de.') from error
    except (EOFError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path}: damaged pickle ({error}). Get the file anew from https://smpl.is.tue.mpg.de.') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path}: holds a {type(content).__name__}, not the dictionary of an SMPL model')
    arrays = {key: _to_array(value) for key, value in content.items()}
    return {key: value for key, value in arrays.items() if isinstance(value, np.ndarray)}


def _to_array(value: Any) -> Any:
    if isinstance(value, _ChumpyNode):
        return value.to_array()
    return value.toarray() if hasattr(value, 'toarray') else value
