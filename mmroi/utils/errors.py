"""Errors that tell a user what to change, and how a tool reports any error in one sentence."""

import difflib
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from dis import opname
from importlib.util import find_spec
from json import JSONDecodeError
from pathlib import Path
from types import TracebackType

from mmroi.utils.installation import PACKAGE

_UNKNOWN_KEY = re.compile(r"(?P<name>\w+)\.__init__\(\) got an unexpected keyword argument '(?P<key>\w+)'")
_NO_KEY = re.compile(r"'ConfigDict' object has no attribute '(?P<key>\w+)'")
# Of an error in a process of a data loader, whose traceback PyTorch writes into the message; other pools make
# it the error's cause.
_WORKER = re.compile(r'Caught \w+ in DataLoader worker process')
_RAISED_IN = re.compile(r'File "(?P<file>.+?)", line \d+, in .+\n\s+raise ')
_LIBRARIES = ('torch', 'mmcv', 'mmdet', 'mmpose', 'mmpretrain')  # whose components a config may name
_NAMED = re.compile(r'^[\w.]+Error: ', re.MULTILINE)


class UserError(ValueError):
    """The user asked for something that cannot be done; the message says what, why, and what to do instead.

    The tools print the message alone, without a traceback.
    """


def is_for_user(error: BaseException) -> bool:
    """Return whether the message of an error says it all, so that a traceback would add nothing.

    It does if the error is a :class:`UserError`, is about a file, names an unknown key of a config, comes
    from a library's component that a config gave wrong values, or was raised on purpose, by a ``raise`` of
    this project or of MMEngine's configs and registries. Other errors come from within a library, or from a
    mistake in this project.

    Args:
        error: Has been raised.
    """
    if isinstance(error, UserError) or (isinstance(error, OSError) and error.filename is not None):
        return True
    if isinstance(error, FileNotFoundError) or _unknown_key(error) or _refused_values(error):
        return True
    if isinstance(error, AssertionError):
        return False
    if isinstance(error, SyntaxError) or _NO_KEY.search(str(error)):
        return _config_file(error) is not None or not isinstance(error, SyntaxError)
    if elsewhere := _traceback_of_worker(error):
        raised = [match['file'] for match in _RAISED_IN.finditer(elsewhere)]
        return bool(raised) and _is_ours(raised[-1])
    last: TracebackType | None = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return False
    code = last.tb_frame.f_code
    return _is_ours(code.co_filename) and opname[code.co_code[last.tb_lasti]] == 'RAISE_VARARGS'


def explain(error: BaseException) -> str:
    """Describe an error in one sentence; for an unknown key of a component, list the known ones."""
    # str() puts the message of a KeyError in quotes
    words = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = str(words)
    if _WORKER.search(text):
        text = _NAMED.split(text)[-1]
    if isinstance(error, SyntaxError) and (file := _config_file(error)):
        text = f'config {file}, line {error.lineno}: {error.msg}'
    elif type(error) in (OSError, JSONDecodeError) and (file := _config_file(error)):
        text = f'config {file}: {text}'  # MMEngine does not name it
    elif match := _NO_KEY.search(text):
        text = f'the config has no {match["key"]!r}'
    elif isinstance(error, KeyError) and _raised_by(error, 'config'):
        text = f'the config has no {text!r}'
    if isinstance(error, OSError) and error.filename and text == OSError.__str__(error):
        text = f'{error.filename}: {error.strerror}'  # without the number
    message = ' '.join(text.split()) or type(error).__name__
    if match := _unknown_key(error):
        known = _known_keys(match['name'], error)
        near = difflib.get_close_matches(match['key'], known, 1)
        message = f'config: {match["name"]} does not know the key {match["key"]!r}'
        message += f'; did you mean {near[0]!r}?' if near else '.'
        message += f' It knows: {", ".join(known)}' if known else ''
    elif refused := _refused_values(error):
        message = f'config: {refused}: {message}'
    return message


def _traceback_of_worker(error: BaseException) -> str | None:
    """Return the traceback of an error of another process; None if it was raised in this one."""
    if _WORKER.search(str(error)):
        return str(error)
    remote = type(error.__cause__).__name__ in ('RemoteTraceback', '_RemoteTraceback')
    return str(error.__cause__) if remote else None


def _config_file(error: BaseException) -> str | None:
    """Return the config that MMEngine was reading when an error was raised, if it was."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_code.co_name == '_get_base_files':  # of a temporary copy
            continue
        if frame.f_globals.get('__name__', '').startswith('mmengine.config') and 'filename' in frame.f_locals:
            return str(frame.f_locals['filename'])
    return None


def _raised_by(error: BaseException, package: str) -> bool:
    """Return whether an error was raised within a package of MMEngine."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get('__name__', '').startswith(f'mmengine.{package}')


def _unknown_key(error: BaseException) -> re.Match[str] | None:
    return _UNKNOWN_KEY.search(str(error)) if isinstance(error, TypeError) else None


def _refused_values(error: BaseException) -> str | None:
    """Describe the component of a library that raised an error while it was built from a config, if one did.

    Returns:
        Such as "AdamW cannot be built with lr='fast', weight_decay=0.01"; None for other components, where
        the mistake may be in this project or in the user's own code.
    """
    if not isinstance(error, TypeError | ValueError | KeyError):
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    while frames and frames[-1].f_code.co_name != 'build_from_cfg':
        if _is_ours(frames.pop().f_code.co_filename):
            return None
    built = frames[-1].f_locals if frames else {}
    component, values = built.get('obj_cls'), built.get('args')
    if not inspect.isclass(component) or not isinstance(values, dict):
        return None
    if component.__module__.partition('.')[0] not in _LIBRARIES:
        return None
    given = (f'{name}={value!r}' for name, value in values.items() if isinstance(value, str | int | float))
    return f'{component.__name__} cannot be built with {", ".join(given) or "these values"}'


def _known_keys(class_name: str, error: BaseException) -> list[str]:
    """List the constructor's keys of the class that was being built when an error was raised."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in list(frame.f_locals.values()):
            if inspect.isclass(value) and value.__name__ == class_name:
                parameters = inspect.signature(value).parameters.values()
                return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return []


def _is_ours(file: str) -> bool:
    """Return whether a file is part of this project, the tool that runs, or reads the user's config."""
    path = Path(file)
    return getattr(sys.modules['__main__'], '__file__', None) == file or any(
        folder in path.parents for folder in _folders()
    )


def _folders() -> Iterator[Path]:
    yield PACKAGE
    if 'mmengine' in sys.modules and (spec := find_spec('mmengine')) and spec.origin:
        yield from (Path(spec.origin).parent / part for part in ('config', 'registry'))
