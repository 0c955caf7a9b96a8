"""Checks of the commands of README and documentation that run none of them; the tests use them."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.util
import io
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from commands import OTHERS, PLACEHOLDERS, ROOT, SHELLS, SKIPS, Block

_ASSIGNMENT = re.compile(r'\w+=')
# Commands of the system, of which nothing is checked.
_SYSTEM = set(
    '. apt-get cd conda cp done export for git grep ls mkdir mypy npm pre-commit pytest rm ruff sh source '
    'tar tensorboard unzip'.split()
)
_PYTHON = ('python', 'python3')
# Number of words before the arguments of the Python tool; the place of its config among them.
_LAUNCHERS = {
    'dist_train.sh': (2, 0),
    'slurm_train.sh': (4, 2),
    'dist_test.sh': (3, 0),
    'slurm_test.sh': (4, 2),
}


def check_block(block: Block) -> Iterator[str]:
    """Find faults of a block without running it; files that a page writes are in the current folder.

    Args:
        block: A block of any language.

    Yields:
        Faults: an unknown language, mark or reason, a command line that its tool refuses, a name that Python
        does not find.
    """
    for mark, value in block.marks.items():
        if mark == 'skip' and value not in SKIPS:
            yield f'unknown reason {value!r}'
    if block.language in SHELLS:
        for line in block.commands():
            for words in split_commands(line):
                yield from (f'{line}: {fault}' for fault in check_command(words))
    elif block.language == 'python':
        yield from check_python(block.text)
    elif block.language not in OTHERS:
        yield f'a block of the unknown language {block.language!r}'


def split_commands(line: str) -> Iterator[list[str]]:
    """Split a line at ``&&``, ``;`` and ``|``; assignments before a command are left out.

    Yields:
        Words of each command.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, ';']:
        if set(word) <= set('&;|'):
            while command and (_ASSIGNMENT.match(command[0]) or command[0] == 'do'):
                command = command[1:]
            if command:
                yield command
            command = []
        else:
            command.append(PLACEHOLDERS.get(word, word))


def check_command(words: list[str]) -> Iterator[str]:
    """Find faults of a command; yields sentences."""
    name, *rest = words
    for word in words:
        path = word.split('=')[-1]
        if re.fullmatch(r'(configs|tools|requirements)/[\w./-]+', path) and not (ROOT / path).exists():
            yield f'there is no {path}'
    name = Path(name).name if '/' in name else name
    if name in _PYTHON and rest[0] == '-c':
        yield from check_python(rest[1])
    elif name in _PYTHON and rest[0] == '-m':
        if importlib.util.find_spec(rest[1].split('.')[0]) is None:
            yield f'there is no module {rest[1]}'
    elif name in _PYTHON:
        yield from check_tool(ROOT / rest[0], rest[1:])
    elif name == 'mmroi':
        from mmroi.cli.tools import find_tools

        if rest[0] in find_tools():
            yield from check_tool(find_tools()[rest[0]].path, rest[1:])
        elif rest[0] not in ('--help', '--version'):
            yield f'there is no command mmroi {rest[0]}'
    elif name == 'bash':
        count, config = _LAUNCHERS[Path(rest[0]).name]
        tool = ROOT / 'tools' / f'{Path(rest[0]).stem.split("_")[1]}.py'
        checkpoint = rest[2 + config : 3 + config] if tool.stem == 'test' else []
        yield from check_tool(tool, [rest[1 + config], *checkpoint, *rest[1 + count :]])
    elif name == 'make':
        targets = re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(encoding='utf-8'), flags=re.M)
        yield from (f'there is no target {w}' for w in rest if '=' not in w and w not in targets)
    elif name in ('pip', 'mim'):
        known = {path.stem for path in ROOT.glob('requirements/*.txt')}
        for extras in re.findall(r'(?:\.|mmroi)\[([\w,]+)\]', ' '.join(rest)):
            yield from (f'there is no extra {extra}' for extra in extras.split(',') if extra not in known)
    elif name not in _SYSTEM:
        yield f'{name} is not known'


def check_tool(path: Path, words: list[str]) -> Iterator[str]:
    """Let a tool read a command line, without doing what it says."""
    if not path.is_file():
        yield f'there is no {path}'
        return
    parsed: list[argparse.Namespace] = []
    read = argparse.ArgumentParser.parse_args

    def stop_after(parser: argparse.ArgumentParser, *args: object) -> argparse.Namespace:
        parsed.append(read(parser, *args))  # type: ignore[arg-type]
        raise _Parsed

    printed = io.StringIO()
    with (
        mock.patch.object(sys, 'argv', [str(path), *words]),
        mock.patch.object(argparse.ArgumentParser, 'parse_args', stop_after),
        contextlib.redirect_stderr(printed),
        contextlib.redirect_stdout(printed),
    ):
        try:
            scope = runpy.run_path(str(path))
            scope.get('parse_args', scope.get('main'))()
        except _Parsed:
            pass
        except SystemExit as ending:
            if ending.code:
                yield printed.getvalue().strip().splitlines()[-1]
    config = getattr(parsed[0], 'config', None) if parsed else None
    if config and not Path(config).is_file() and not (ROOT / config).is_file():
        yield f'there is no {config}'


class _Parsed(BaseException):
    """A tool has read its command line."""


def check_python(text: str) -> Iterator[str]:
    """Find names that a program imports from this project and that are not there; yields sentences."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield str(error)
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'mmroi':
            module = importlib.import_module(str(node.module))
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            yield from (f'{node.module} has no {name}' for name in missing)
