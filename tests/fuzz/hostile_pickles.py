"""Pickles as an attacker writes them, put together from single instructions.

Each tries to reach beyond data: to run code, to change a class of the process, or to read foreign memory.
"""

import pickle
from typing import Any


def name(module: str, attribute: str) -> bytes:
    """Push a name."""
    return f'c{module}\n{attribute}\n'.encode()


def push(value: Any) -> bytes:
    """Push a value of plain data."""
    return pickle.dumps(value, 2)[2:-1]


def call(function: bytes, *arguments: bytes) -> bytes:
    """Call what ``function`` pushes."""
    return function + b'(' + b''.join(arguments) + b'tR'


def build(thing: bytes, state: bytes) -> bytes:
    """Set the state of what ``thing`` pushes."""
    return thing + state + b'b'


def new(kind: bytes) -> bytes:
    """Create an object without arguments."""
    return kind + b')\x81'


ARRAY, DTYPE, RECONSTRUCT = (
    name('numpy', 'ndarray'),
    name('numpy', 'dtype'),
    name('numpy.core.multiarray', '_reconstruct'),
)
CSC = name('scipy.sparse._csc', 'csc_matrix')


def array(dtype: bytes, shape: tuple[int, ...], data: bytes) -> bytes:
    """An array with any dtype, shape and data."""
    empty = call(RECONSTRUCT, ARRAY, push((0,)), push('b'))
    return build(empty, b'(' + push(1) + push(shape) + dtype + push(False) + push(data) + b't')


def dtype(code: str, state: Any = None) -> bytes:
    """A dtype with any state."""
    made = call(DTYPE, push(code), push(False), push(True))
    return made if state is None else build(made, push(state))


# claims objects, without the flags by which NumPy knows them
OBJECTS = dtype('f8', (3, '|', None, ('x',), {'x': ('O', 0)}, 8, 1, 0))
NESTED = b'N' + b'\x85' * 100_000

PAYLOADS = {
    'system': call(name('os', 'system'), push('echo ran')),
    'system of posix': call(name('posix', 'system'), push('echo ran')),
    'eval': call(name('__builtin__', 'eval'), push('print("ran")')),
    'getattr': call(name('builtins', 'getattr'), ARRAY, push('tofile')),
    'load of NumPy': call(name('numpy', 'load'), push('x')),
    'extension': b'\x82\x01',
    'objects in a dtype': array(OBJECTS, (1,), b'\x41' * 8),
    'objects as bytes': array(dtype('O8'), (2,), b'\x41' * 16),
    'object as a scalar': call(name('numpy.core.multiarray', 'scalar'), dtype('O8'), push(b'\x41' * 8)),
    'objects in a buffer': call(
        name('numpy._core.numeric', '_frombuffer'), push(b'\x41' * 8), dtype('O8'), push((1,)), push('C')
    ),
    'fields': array(dtype('V16', (3, '|', None, ('a',), {'a': ('O', 0)}, 16, 1, 1)), (1,), b'\x41' * 16),
    'array too short': array(dtype('f8'), (1 << 40,), b'\x41' * 8),
    'negative shape': array(dtype('f8'), (-1,), b'\x41' * 8),
    'state of a class': build(CSC, b'N' + push({'toarray': 1}) + b'\x86'),
    'state of a function': build(
        name('_codecs', 'encode'), b'N' + push({'__defaults__': ('rot13',)}) + b'\x86'
    ),
    'state of chumpy': build(name('chumpy.ch', 'Ch'), b'N' + push({'to_array': 1}) + b'\x86'),
    'state of a list': build(push([]), push({'x': 1})),
    'other codec': call(name('_codecs', 'encode'), push('x'), push('rot13')),
    'deep key': b'}' + NESTED + push(1) + b's',
    'deep item of a set': call(name('builtins', 'set'), b']' + NESTED + b'a'),
    'items of an array': array(dtype('f8'), (1,), bytes(8)) + push(0) + push(1.0) + b's',
    'memory of bytearray': call(name('builtins', 'bytearray'), push(1 << 33)),
    'huge memo': push(1) + b'r\xff\xff\xff\xff' + b'c_\n_\n',
    'class by instruction': b'(' + push('echo ran') + b'ios\nsystem\n',
    'object by instruction': b'(' + name('os', 'system') + push('echo ran') + b'o',
    'keywords': name('os', 'system') + push(('echo ran',)) + push({}) + b'\x92',
    'name from the stack': push('os') + push('system') + b'\x93' + push(('echo ran',)) + b'R',
}
"""Instructions by what they try. Each pickle needs ``b'\\x80\\x04'`` before and ``b'.'`` behind."""


def hostile(payload: str, inside: str | None = None) -> bytes:
    """Write a hostile pickle.

    Args:
        payload: A key of ``PAYLOADS``.
        inside: Key of a dictionary around it.
    """
    content = PAYLOADS[payload]
    if inside is not None:
        content = b'}' + push(inside) + content + b's'
    return b'\x80\x04' + content + b'.'
