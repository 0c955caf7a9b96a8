"""Unpickle data without importing, calling or changing anything that the pickle names.

Even a short list of allowed classes is not safe with the standard unpickler, because it sets attributes of
whatever a pickle creates and hashes whatever is nested; and its memo may ask for gigabytes. This one is the
machine of the standard library in Python, in which every operation that reaches beyond lists, dictionaries,
text and numbers is replaced.
"""

import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import IO, Any

import numpy as np

from mmroi.fileio.inert_names import BUILDERS, NAMES, Global, Refused, Unread, is_key, spell

_HOSTILE = ('os', 'posix', 'nt', 'sys', 'subprocess', 'shutil', 'importlib', 'runpy', 'pty', 'ctypes', 'code')
_HARMLESS_BUILTINS = ('slice', 'range', 'xrange', 'int', 'float', 'str', 'list', 'dict', 'tuple')
_DICTIONARIES = (dict, OrderedDict, Counter)
_NESTED = (list, tuple, dict, np.ndarray)
_MAX_REPEATED = 1 << 26  # entries that repetitions add to those of the file


_Machine: Any = pickle._Unpickler  # in Python, and so without the faults in memory of the one in C


class InertUnpickler(_Machine):
    """Reads the next pickle of a file; text of Python 2 is decoded as latin-1.

    Args:
        file: The file.
        names: What to call for a name, by :func:`~mmroi.fileio.inert_names.spell`; values that cannot be
            called stand for themselves.
        builders: How an object gets its state, by its type.
        skip_unknown: Whether objects of unknown classes become :class:`Unread` instead of an error.
    """

    dispatch: dict[int, Any] = dict(_Machine.dispatch)

    def __init__(
        self,
        file: IO[bytes],
        names: Mapping[str, Any] = NAMES,
        builders: Mapping[type, Callable[[Any, Any], None]] = BUILDERS,
        skip_unknown: bool = False,
    ) -> None:
        super().__init__(file, encoding='latin1')
        self._names = names
        self._builders = builders
        self._skip_unknown = skip_unknown

    def find_class(self, module: str, name: str) -> Any:
        """Look up a name in the table.

        Raises:
            Refused: It is not there.
        """
        full = spell(module, name)
        if full in self._names:
            known = self._names[full]
            return Global(full, known) if callable(known) else known
        hostile = full.split('.')[0] in _HOSTILE or (
            full.startswith('builtins.') and name not in _HARMLESS_BUILTINS
        )
        if hostile or not self._skip_unknown:
            raise Refused(f'it names {module}.{name}')
        return Global(full, partial(Unread, full))

    def get_extension(self, code: int) -> None:
        """Refuse names by number, which depend on the process.

        Raises:
            Refused: Always.
        """
        raise Refused(f'it names the extension {code}')

    def _create(self, kind: Any, arguments: Any, keywords: Any = None) -> Any:
        if type(kind) is not Global or type(arguments) is not tuple:
            raise Refused('it calls something that is no name')
        if keywords and not isinstance(kind.make, partial):
            raise Refused(f'it calls {kind.name} with keywords')
        return kind.make(*arguments)

    def _read_name(self) -> Any:
        lines = [self.readline() for _ in range(2)]
        if not lines[1].endswith(b'\n'):
            raise EOFError('the file ends too early')
        return self.find_class(*(line[:-1].decode('utf-8') for line in lines))

    def _push_name(self) -> None:
        self.append(self._read_name())

    def _create_from_name(self) -> None:
        kind = self._read_name()
        self.append(self._create(kind, tuple(self.pop_mark())))

    def _create_from_stack(self) -> None:
        kind, *arguments = self.pop_mark()
        self.append(self._create(kind, tuple(arguments)))

    def _call(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._create(self.stack[-1], arguments)

    def _call_with_keywords(self) -> None:
        keywords, arguments = self.stack.pop(), self.stack.pop()
        self.stack[-1] = self._create(self.stack[-1], arguments, keywords)

    def _build(self) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if type(built) not in self._builders:
            raise Refused(f'it sets attributes of a {type(built).__name__}')
        self._builders[type(built)](built, state)

    def _append(self) -> None:
        self._extend_by([self.stack.pop()])

    def _extend(self) -> None:
        self._extend_by(self.pop_mark())

    def _extend_by(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is not Unread:
            raise Refused(f'it appends to a {type(target).__name__}')

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _set_items(self) -> None:
        self._update(self.pop_mark())

    def _make_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._update(items)

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) in _DICTIONARIES:
            if not all(map(is_key, items[::2])):
                raise Refused('a dictionary has keys that are neither text nor numbers')
            target.update(zip(items[::2], items[1::2], strict=True))
        elif type(target) is not Unread:
            raise Refused(f'it sets items of a {type(target).__name__}')

    def _add_items(self) -> None:
        items, target = self.pop_mark(), self.stack[-1]
        if type(target) is set and all(map(is_key, items)):
            target.update(items)
        elif type(target) is not Unread:
            raise Refused('a set holds more than text and numbers')

    def _make_frozenset(self) -> None:
        items = self.pop_mark()
        if not all(map(is_key, items)):
            raise Refused('a set holds more than text and numbers')
        self.append(frozenset(items))

    for _code, _operation in (
        (pickle.REDUCE, _call),
        (pickle.NEWOBJ, _call),
        (pickle.NEWOBJ_EX, _call_with_keywords),
        (pickle.GLOBAL, _push_name),
        (pickle.INST, _create_from_name),
        (pickle.OBJ, _create_from_stack),
        (pickle.BUILD, _build),
        (pickle.APPEND, _append),
        (pickle.APPENDS, _extend),
        (pickle.SETITEM, _set_item),
        (pickle.SETITEMS, _set_items),
        (pickle.DICT, _make_dict),
        (pickle.ADDITEMS, _add_items),
        (pickle.FROZENSET, _make_frozenset),
    ):
        dispatch[_code[0]] = _operation


def unpickle(file: IO[bytes]) -> Any:
    """Read the next pickle of a file as data.

    Args:
        file: The file, at the beginning of a pickle.

    Returns:
        Lists, dictionaries, sets, text, numbers, NumPy arrays, and the stand-ins for sparse matrices and
        chumpy nodes, which :func:`~mmroi.fileio.inert_names.to_array` converts.

    Raises:
        Refused: The pickle names anything else; nothing was run.
        Exception: The pickle is damaged, which can raise almost anything.
    """
    content = InertUnpickler(file).load()
    _check_references(content)
    return content


def _check_references(content: Any) -> None:
    """Refuse lists that contain themselves or each other so often that an array of them fills the memory."""
    sizes: dict[int, int] = {}  # with repetitions
    begun: set[int] = set()
    read = 0  # entries, each once
    left = [(content, False)]
    while left:
        item, finished = left.pop()
        parts = [part for part in _parts(item) if isinstance(part, _NESTED)]
        if finished:
            read += _length(item)
            sizes[id(item)] = _length(item) + sum(sizes[id(part)] for part in parts)
            if sizes[id(item)] > read + _MAX_REPEATED:
                raise Refused('lists that repeat each other many times')
        elif id(item) not in sizes and parts:
            if id(item) in begun:
                raise Refused('a list that contains itself')
            begun.add(id(item))
            left += [(item, True), *((part, False) for part in parts)]
        elif id(item) not in sizes:
            sizes[id(item)] = _length(item) if isinstance(item, _NESTED) else 1
            read += sizes[id(item)]


def _length(item: Any) -> int:
    return item.size if isinstance(item, np.ndarray) else len(item)  # an array may have no axis


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, np.ndarray):
        return item.ravel() if item.dtype.hasobject else ()
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list | tuple) else ()
