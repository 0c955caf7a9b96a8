"""Read official SMPL pickles without chumpy and without running code.

SMPL's files were written by Python 2 with chumpy, which cannot be installed on current Python. They contain
only arrays, sparse matrices and chumpy nodes that wrap arrays, so everything but a short list of names is
refused.
"""

import copyreg
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

# NumPy's functions for reading arrays and scalars; the name of their module differs between versions.
_RECONSTRUCT, _SCALAR = np.empty(0).__reduce__()[0], np.float64().__reduce__()[0]
_REMEDY = 'Download the file again from https://smpl.is.tue.mpg.de.'


class _ChumpyNode:
    """Stands in for chumpy's ``Ch`` (array ``x``) and ``Select`` (entries ``idxs`` of the node ``a``)."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def to_array(self) -> np.ndarray:
        if 'x' in self.state:
            return np.asarray(_to_array(self.state['x']))
        if 'a' in self.state and 'idxs' in self.state:
            array = np.asarray(_to_array(self.state['a'])).ravel()[np.asarray(self.state['idxs'])]
            shape = self.state.get('preferred_shape')
            return array if shape is None else array.reshape(shape)
        raise pickle.UnpicklingError(f'unknown chumpy node with attributes {sorted(self.state)}')


def _encode_latin1(text: str, encoding: str = 'latin1') -> bytes:
    """Replace ``_codecs.encode``, which pickles of protocol 2 call for bytes; refuse other codecs."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'codec {encoding!r} is not part of an SMPL file; refusing to load it')
    return text.encode('latin1')


# All allowed (module, name), in the spellings of Python 2 and 3 and of all versions of NumPy and SciPy.
_ALLOWED: dict[tuple[str, str], Any] = {
    ('chumpy', 'Ch'): _ChumpyNode,
    ('chumpy.ch', 'Ch'): _ChumpyNode,
    ('chumpy.reordering', 'Select'): _ChumpyNode,
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('numpy.core.multiarray', '_reconstruct'): _RECONSTRUCT,
    ('numpy._core.multiarray', '_reconstruct'): _RECONSTRUCT,
    ('numpy.core.multiarray', 'scalar'): _SCALAR,
    ('numpy._core.multiarray', 'scalar'): _SCALAR,
    ('scipy.sparse.csc', 'csc_matrix'): sparse.csc_matrix,
    ('scipy.sparse._csc', 'csc_matrix'): sparse.csc_matrix,
    ('_codecs', 'encode'): _encode_latin1,
    ('copy_reg', '_reconstructor'): copyreg._reconstructor,  # type: ignore[attr-defined]
    ('copyreg', '_reconstructor'): copyreg._reconstructor,  # type: ignore[attr-defined]
    ('__builtin__', 'object'): object,
    ('builtins', 'object'): object,
    ('__builtin__', 'set'): set,
    ('builtins', 'set'): set,
}


class _SMPLUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f'{module}.{name} is not part of an SMPL file; refusing to load it')
        return _ALLOWED[module, name]


def load_smpl_pickle(path: str | Path) -> dict[str, np.ndarray]:
    """Load the arrays of an SMPL pickle.

    Args:
        path: ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``.

    Returns:
        Arrays by SMPL's names, sparse matrices converted to dense ones. Other entries (strings) are ignored.

    Raises:
        pickle.UnpicklingError: The file is truncated, or names a class or function that SMPL files do not
            need: it is malicious or not an SMPL file.
        ValueError: The file is damaged or does not contain a dictionary.
    """
    try:
        with open(path, 'rb') as file:
            content = _SMPLUnpickler(file, encoding='latin1').load()
        if not isinstance(content, dict):
            raise TypeError(f'a {type(content).__name__} instead of a dictionary')
        arrays = {key: _to_array(value) for key, value in content.items()}
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(f'{path}: {error}. {_REMEDY}') from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise ValueError(f'{path}: damaged or no SMPL model ({error}). {_REMEDY}') from error
    return {key: value for key, value in arrays.items() if isinstance(value, np.ndarray)}


def _to_array(value: Any) -> Any:
    if isinstance(value, _ChumpyNode):
        return value.to_array()
    return value.toarray() if sparse.issparse(value) else value
