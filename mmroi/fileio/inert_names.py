"""The names that pickles of this field contain, and what is made of them: one table for all readers.

NumPy's, SciPy's and chumpy's own functions for reading pickles trust their arguments: a dtype whose state
claims objects, or a sparse matrix whose indices lie outside, makes them read and write foreign memory. So
none of them is called here. Each name has a function of ours that checks its arguments and builds plain
arrays.
"""

import math
import pickle
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

_DTYPE = re.compile(r'[<>|=]?(\?|b1|[iu][1248]|f[248]|c8|c16|[SUa]\d{1,7}|O[48]?)')
_MAX_DENSE = 1 << 24  # entries; SMPL's regressors have 165,360
_MAX_SIDE = 1 << 40


_SCALARS = (str, bytes, int, float, bool, complex, type(None))


class Refused(pickle.UnpicklingError):
    """The pickle asks for more than data: it is hostile, or of another kind than expected."""


class Global:
    """A name in a pickle. It stands for nothing but the function of the table that is called in its place.

    Args:
        name: Module and name.
        make: Builds the object from the arguments in the pickle.
    """

    __slots__ = ('name', 'make')

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name = name
        self.make = make


class Unread:
    """Stands for an object of a class that is not read, such as ``argparse.Namespace``; it keeps no content.

    Args:
        name: Module and name of its class.
    """

    __slots__ = ('name',)

    def __init__(self, name: str, *_arguments: Any, **_keywords: Any) -> None:
        self.name = name


class DType:
    """Stands for a NumPy dtype: numbers, text or objects, without fields.

    Args:
        code: NumPy's code, such as ``'f8'``.
    """

    def __init__(self, code: Any, *_options: Any) -> None:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise Refused(f'arrays of dtype {code!r} are not read, only numbers and text')
        code = code.replace('a', 'S')
        self.dtype = np.dtype(object if code.lstrip('<>|=').startswith('O') else code)

    def build(self, state: Any) -> None:
        """Set the byte order; everything else in the state follows from the code."""
        version, order, subarray, names, fields = state[:5]
        if version not in (3, 4) or order not in '<>|=' or (subarray, names, fields) != (None, None, None):
            raise Refused('arrays with fields are not read, only numbers and text')
        if order in '<>' and not self.dtype.hasobject:
            self.dtype = self.dtype.newbyteorder(order)


class Sparse:
    """Stands for a sparse matrix of SciPy in one of the formats CSR, CSC and COO.

    Args:
        layout: ``'csr'``, ``'csc'`` or ``'coo'``.
    """

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.state: dict[str, Any] = {}

    def build(self, state: Any) -> None:
        """Keep the attributes of the matrix."""
        self.state = _attributes(state)

    def to_array(self) -> np.ndarray:
        """Build the dense matrix.

        Raises:
            ValueError: An index lies outside of the matrix, or arrays do not fit each other.
        """
        shape = _shape(self.state.get('_shape', self.state.get('shape')))
        if len(shape) != 2 or math.prod(shape) > _MAX_DENSE:
            raise ValueError(f'a sparse matrix of shape {shape} is no part of a body')
        data = _vector(self.state.get('data'), 'biufc')
        if self.layout == 'coo':
            rows, columns = self.state.get('coords') or (self.state.get('row'), self.state.get('col'))
            places = (_vector(rows, 'iu'), _vector(columns, 'iu'))
        else:
            bounds, inner = _vector(self.state.get('indptr'), 'iu'), _vector(self.state.get('indices'), 'iu')
            counts: np.ndarray = np.diff(bounds.astype(np.int64))
            lines = shape[0] if self.layout == 'csr' else shape[1]
            if len(counts) != lines or bounds[0] != 0 or (counts < 0).any() or bounds[-1] > len(inner):
                raise ValueError('the index pointers of a sparse matrix do not rise from 0 to its entries')
            inner, data = inner[: bounds[-1]], data[: bounds[-1]]
            outer = np.repeat(np.arange(lines), counts)
            places = (outer, inner) if self.layout == 'csr' else (inner, outer)
        for index, side in zip(places, shape, strict=True):
            if len(index) != len(data) or (len(index) and not 0 <= index.min() <= index.max() < side):
                raise ValueError(f'a sparse matrix of shape {shape} has entries outside')
        order: Any = (
            'F' if self.layout == 'csc' else 'C'
        )  # SciPy's, on which the last bit of products depends
        dense = np.zeros(shape, data.dtype.newbyteorder('='), order)
        np.add.at(dense, tuple(index.astype(np.int64) for index in places), data)
        return dense


class Chumpy:
    """Stands for chumpy's ``Ch`` (array ``x``) and ``Select`` (entries ``idxs`` of the node ``a``)."""

    def __init__(self, *_arguments: Any) -> None:
        self.state: dict[str, Any] = {}

    def build(self, state: Any) -> None:
        """Keep the attributes of the node."""
        self.state = _attributes(state)

    def to_array(self) -> np.ndarray:
        """Return the values of the node.

        Raises:
            ValueError: The node is of another kind, or selects entries that do not exist.
        """
        values = to_array(self.state.get('x', self.state.get('a')))
        if not isinstance(values, np.ndarray):
            raise ValueError(f'unknown chumpy node with attributes {sorted(map(str, self.state))}')
        if 'x' in self.state:
            return values
        array = values.ravel()[_vector(self.state.get('idxs'), 'iu')]
        shape = self.state.get('preferred_shape')
        return array if shape is None else array.reshape(_shape(shape))


def to_array(value: Any) -> Any:
    """Convert a sparse matrix or a chumpy node to an array, and leave everything else as it is."""
    return value.to_array() if isinstance(value, Sparse | Chumpy) else value


def fill_array(array: np.ndarray, state: Any) -> None:
    """Give a new array its content, as ``ndarray.__setstate__`` does, after checks.

    Args:
        array: The empty array that stands for NumPy's ``_reconstruct``.
        state: Version, shape, :class:`DType`, Fortran order, and bytes or a list of objects.

    Raises:
        Refused: The dtype is not one.
        ValueError: The bytes do not fit the shape.
    """
    *_version, shape, dtype, fortran, raw = state
    if array.size or len(_version) > 1 or not isinstance(dtype, DType):
        raise Refused('the state of an array is not what NumPy writes')
    shape, kind = _shape(shape), dtype.dtype
    if kind.hasobject:
        fits = type(raw) is list and len(raw) == math.prod(shape)
    else:
        raw = _bytes(raw)
        fits = len(raw) == math.prod(shape) * kind.itemsize
    if not fits:
        raise ValueError(f'an array of shape {shape} has another amount of data')
    # these arguments are sound, and the bytes are not copied once more
    array.__setstate__((1, shape, kind, bool(fortran), raw))  # type: ignore[arg-type]


def is_key(key: Any) -> bool:
    """Whether an object may be a key or in a set: hashing deeply nested tuples ends the process."""
    parts = key if type(key) is tuple else (key,)
    return all(type(part) in _SCALARS or isinstance(part, np.generic | Unread | Global) for part in parts)


def _new_array(kind: Any, *_shape_and_code: Any) -> np.ndarray:
    if not isinstance(kind, Global) or kind.name != 'numpy.ndarray':
        raise Refused(f'arrays of the class {getattr(kind, "name", kind)} are not read')
    return np.empty(0, np.int8)


def _scalar(dtype: Any, raw: Any) -> Any:
    if not isinstance(dtype, DType) or dtype.dtype.hasobject:
        raise Refused('the dtype of a number is not what NumPy writes')
    raw = _bytes(raw)
    if len(raw) != dtype.dtype.itemsize:
        raise ValueError('a number has another amount of data than its dtype')
    return np.frombuffer(raw, dtype.dtype)[0] if raw else dtype.dtype.type()


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any = 'C', axes: Any = None) -> np.ndarray:
    """Replace ``numpy._core.numeric._frombuffer``, which pickles of protocol 5 call."""
    if not isinstance(dtype, DType) or dtype.dtype.hasobject or type(raw) not in (bytes, bytearray):
        raise Refused('the buffer of an array is not what NumPy writes')
    shape = _shape(shape)
    if len(raw) != math.prod(shape) * dtype.dtype.itemsize:
        raise ValueError(f'an array of shape {shape} has another amount of data')
    if not raw:
        return np.empty(shape, dtype.dtype)
    array = np.frombuffer(raw, dtype.dtype)
    array = array.astype(dtype.dtype.newbyteorder('='), copy=False)  # as in other protocols
    if order == 'K' and axes is not None:
        return array.reshape(shape).transpose(_shape(axes))
    return array.reshape(shape, order='F' if order == 'F' else 'C')


def _encode(text: Any, codec: Any = 'latin1') -> bytes:
    """Replace ``_codecs.encode``, which pickles of protocol 2 call for bytes."""
    if codec not in ('latin1', 'latin-1') or not isinstance(text, str):
        raise Refused(f'the codec {codec!r} is not needed for data')
    return text.encode('latin1')


def _plain_bytes(content: Any = b'', codec: Any = 'latin1') -> bytes:
    return _bytes(content) if codec in ('latin1', 'latin-1') else _encode(content, codec)


def _set(items: Any = ()) -> set[Any]:
    if type(items) not in (list, tuple, set, frozenset) or not all(map(is_key, items)):
        raise Refused('a set holds more than text and numbers')
    return set(items)


def _dict(items: Any = ()) -> dict[Any, Any]:
    pairs = [tuple(pair) for pair in (items.items() if isinstance(items, dict) else items)]
    if not all(is_key(key) for key, _ in pairs):
        raise Refused('a dictionary has keys that are neither text nor numbers')
    return dict(pairs)


def _reconstruct_object(kind: Any, base: Any, _state: Any) -> Any:
    """Replace ``copyreg._reconstructor``, by which protocols 0 and 1 create objects."""
    if not isinstance(kind, Global) or not isinstance(base, Global) or base.name != 'builtins.object':
        raise Refused('an object is created from something that is no class')
    return kind.make()


def _nothing(*_arguments: Any) -> Any:
    raise Refused('a name is called that stands for no object')


def _attributes(state: Any) -> dict[str, Any]:
    if isinstance(state, tuple) and len(state) == 2:  # attributes and slots
        state = {**(state[0] or {}), **(state[1] or {})}
    if not isinstance(state, dict):
        raise Refused('the attributes of an object are no dictionary')
    return state


def _shape(shape: Any) -> tuple[int, ...]:
    sides = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if not all(isinstance(side, int | np.integer) and 0 <= side < _MAX_SIDE for side in sides):
        raise ValueError(f'{shape!r} is no shape of an array')
    return tuple(map(int, sides))


def _vector(array: Any, kinds: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        raise ValueError('a sparse matrix or selection has parts that are no arrays of numbers')
    return array.ravel()


def _bytes(raw: Any) -> bytes:
    if isinstance(raw, str):  # Python 2's
        return raw.encode('latin1')
    if not isinstance(raw, bytes | bytearray):
        raise ValueError(f'the data of an array is a {type(raw).__name__}')
    return bytes(raw)


NAMES: dict[str, Callable[..., Any]] = {
    'numpy.ndarray': _nothing,
    'numpy.dtype': DType,
    'numpy.core.multiarray._reconstruct': _new_array,
    'numpy.core.multiarray.scalar': _scalar,
    'numpy.core.numeric._frombuffer': _from_buffer,
    '_codecs.encode': _encode,
    **{f'builtins.{kind}': _nothing for kind in ('object', 'list', 'dict', 'tuple', 'int', 'float', 'str')},
    'builtins.bytes': _plain_bytes,
    'builtins.bytearray': _plain_bytes,
    'builtins.complex': lambda real=0.0, imaginary=0.0: complex(float(real), float(imaginary)),
    'builtins.set': _set,
    'builtins.frozenset': lambda items=(): frozenset(_set(items)),
    'collections.OrderedDict': lambda items=(): OrderedDict(_dict(items)),
    'collections.Counter': lambda items=(): Counter(_dict(items)),
    'collections.defaultdict': lambda *_factory: {},
    'copyreg._reconstructor': _reconstruct_object,
    'chumpy.Ch': Chumpy,
    'chumpy.ch.Ch': Chumpy,
    'chumpy.reordering.Select': Chumpy,
}
"""What to call for a name, in the spelling of :func:`spell`."""
for _layout in ('csr', 'csc', 'coo'):
    for _class in ('matrix', 'array'):
        NAMES[f'scipy.sparse.{_layout}_{_class}'] = lambda *_shape, layout=_layout: Sparse(layout)

BUILDERS: dict[type, Callable[[Any, Any], None]] = {
    np.ndarray: fill_array,
    DType: DType.build,
    Sparse: Sparse.build,
    Chumpy: Chumpy.build,
    Unread: lambda _object, _state: None,
    OrderedDict: lambda _object, _state: None,
    Counter: lambda _object, _state: None,
}
"""What a pickle may give a state after creation, and how."""


def spell(module: str, name: str) -> str:
    """Spell a name of any version of Python, NumPy and SciPy in one way.

    Args:
        module: Module in the pickle.
        name: Name in the module.

    Returns:
        Module and name, separated by a dot.
    """
    module = {'copy_reg': 'copyreg', '__builtin__': 'builtins'}.get(module, module)
    module = re.sub(r'^numpy\._core\b', 'numpy.core', module)
    module = re.sub(r'^scipy\.sparse\._?(csr|csc|coo)$', 'scipy.sparse', module)
    return f'{module}.{name}'
