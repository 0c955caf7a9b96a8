"""Check and run the commands of README and documentation: ``python docs/commands.py [PAGE ...]``.

A fenced block of ``bash``, ``shell``, ``console`` or ``python`` may follow comments that readers do not see:

* ``<!-- file: NAME -->``: the block is a file, which is written and not run.
* ``<!-- add: ARGUMENTS | ARGUMENTS -->``: for the first, second, ... command of the block when it is run, so
  that it takes seconds. One part is for all commands.
* ``<!-- skip: REASON -->``: the block is checked but not run; reasons are those of ``SKIPS``.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.util
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
SHELLS = ('bash', 'shell', 'console')
OTHERS = ('text', 'bibtex', 'yaml', 'json', 'cmake', '{toctree}', '{eval-rst}')
SKIPS = {
    'installs packages': 'the environment of the tests has them',
    'needs SMPL': 'its license does not allow it to be shipped',
    'needs data sets': 'nor do theirs',
    'needs a download': 'its site may be out of reach',
    'needs a webcam': 'or a GPU: not on the machine of the tests',
    'needs GPUs': 'likewise',
    'needs runs of yours': 'a comparison of two trainings',
    'takes long': 'minutes to hours, and no option makes it short',
    'part of a program': 'which runs only in its place',
}
# What stands for a reader's own files and numbers.
PLACEHOLDERS = {
    'CONFIG': 'configs/multi_roi/multi-roi_movenet_1xb64-30e_synthetic-256x192.py',
    'CHECKPOINT': 'checkpoints/multi-roi_movenet_synthetic.pth',
    'X1': '10',
    'Y1': '10',
    'X2': '400',
    'Y2': '500',
}
_FENCE = re.compile(
    r'(?P<marks>(?:^<!-- (?:file|add|skip): [^\n]* -->\n)*)^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$',
    flags=re.M | re.S,
)
_MARK = re.compile(r'^<!-- (\w+): (.*) -->$', flags=re.M)
_COMMENT = re.compile(r'(?:^|\s+)#.*$')
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


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        place: Page and line.
        language: What follows the fence.
        text: Content.
        marks: Comments before it, by name.
    """

    place: str
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    def commands(self) -> list[str]:
        """Return the lines of a shell block, joined where continued, without comments, prompts and output."""
        lines = self.text.replace('\\\n', ' ').splitlines()
        if self.language == 'console':
            lines = [line[2:] for line in lines if line.startswith('$ ')]
        return [line for line in (_COMMENT.sub('', line).strip() for line in lines) if line]


def pages() -> list[Path]:
    """Return README, the other pages beside it, the documentation, and the READMEs of the configs."""
    found = [*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('configs/*/README.md')]
    return sorted(path for path in found if '_build' not in path.parts)


def read_blocks(text: str, page: str = '') -> list[Block]:
    """Return the fenced blocks of a page in order."""
    return [
        Block(
            f'{page}:{text.count(chr(10), 0, match.start("language")) + 1}',
            match['language'].strip(),
            match['text'],
            dict(_MARK.findall(match['marks'])),
        )
        for match in _FENCE.finditer(text)
    ]


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


def make_folder(folder: Path) -> None:
    """Make what pages take for granted: the project's folders, photos, a video, boxes, synthetic images."""
    import cv2
    import numpy as np

    from mmroi.apis.inference.inputs import SAMPLE
    from mmroi.structures import get_convention
    from mmroi.synthetic import StudioSettings, make_dataset

    for name in ('configs', 'tools', 'checkpoints', 'requirements', 'Makefile', 'model-index.yml'):
        (folder / name).symlink_to(ROOT / name)
    photo = cv2.imread(str(SAMPLE))
    for name in (
        'photo.jpg',
        'image.jpg',
        'photos/photo.jpg',
        'images/photo.jpg',
        'frames/0.jpg',
        'frames/1.jpg',
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), photo)
    height, width = photo.shape[:2]
    video = cv2.VideoWriter(str(folder / 'clip.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10, (width, height))
    for _ in range(4):
        video.write(photo)
    video.release()
    (folder / 'boxes.json').write_text(f'[[0, 0, {width}, {height}]]')
    points = np.c_[np.linspace(0.3, 0.7, 17) * width, np.linspace(0.2, 0.8, 17) * height, np.full(17, 2)]
    people = dict(id=1, image_id=1, category_id=1, iscrowd=0, bbox=[0, 0, width, height], num_keypoints=17)
    people['keypoints'] = points.ravel().tolist()
    joints = dict(id=1, name='person', keypoints=list(get_convention('coco')))
    image = dict(id=1, file_name='photo.jpg', width=width, height=height)
    (folder / 'keypoints.json').write_text(
        json.dumps(dict(images=[image], annotations=[people], categories=[joints]))
    )
    for name, preset in dict(full='full', natural='natural', easy='easy', quick='easy').items():
        make_dataset(folder / 'data/synthetic' / name, StudioSettings(preset, 96, 0), 2, 2, progress=False)


def environment(folder: Path) -> dict[str, str]:
    """Return variables under which ``python`` and ``mmroi`` are those of this process and project."""
    commands = folder / '.bin'
    commands.mkdir(exist_ok=True)
    mmroi = commands / 'mmroi'
    mmroi.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mmroi "$@"\n')
    mmroi.chmod(0o755)
    path = [str(commands), str(Path(sys.executable).parent), os.environ['PATH']]
    modules = [str(folder), str(ROOT)]
    return dict(
        os.environ, PYTHONPATH=os.pathsep.join(modules), PATH=os.pathsep.join(path), OMP_NUM_THREADS='1'
    )


def run_block(block: Block, folder: Path, timeout: float = 3600) -> str | None:
    """Run a block, or write the file that it is.

    Args:
        block: The block.
        folder: Where it runs.
        timeout: Seconds.

    Returns:
        The end of its output if it failed; None otherwise.
    """
    if 'file' in block.marks:
        path = folder / block.marks['file']
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding='utf-8')
        return None
    if 'skip' in block.marks or block.language not in (*SHELLS, 'python'):
        return None
    if block.language == 'python':
        words = [sys.executable, '-c', block.text]
    else:
        words = ['bash', '-ec', '\n'.join(small_commands(block))]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        return f'{error}'
    output = '\n'.join(done.stdout.splitlines()[-30:])
    return f'{words[-1]}\n{output}' if done.returncode else None


def small_commands(block: Block) -> list[str]:
    """Return the commands of a block with what it adds to them, placeholders replaced."""
    added = block.marks.get('add', '').split('|')
    commands = block.commands()
    if len(added) == 1:
        added *= len(commands)
    names = '|'.join(map(re.escape, PLACEHOLDERS))
    commands = [
        re.sub(rf'(?<![\w/.-])({names})(?![\w/.-])', lambda name: PLACEHOLDERS[name[0]], command)
        for command in commands
    ]
    return [f'{command} {extra.strip()}' for command, extra in zip(commands, added, strict=False)]


def run_page(page: Path, inputs: Path) -> int:
    """Run a page in a copy of a folder, print what ran and what failed, return the number of failures."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = shutil.copytree(inputs, Path(name, 'page'), symlinks=True)
        for block in read_blocks(page.read_text(encoding='utf-8'), str(page.relative_to(ROOT))):
            start = time.monotonic()
            output = run_block(block, folder)
            state = 'skipped' if 'skip' in block.marks else 'FAILED' if output else 'ran'
            if block.language in (*SHELLS, 'python'):
                print(f'{block.place}: {state}, {time.monotonic() - start:.0f} s', flush=True)
            if output:
                failed += 1
                print(output)
    return failed


def main() -> None:
    """Run the given pages, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument(
        'pages', nargs='*', type=lambda name: Path(name).resolve(), help='default: README.md and docs/'
    )
    chosen = parser.parse_args().pages or [ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')]
    with tempfile.TemporaryDirectory() as inputs:
        make_folder(Path(inputs))
        failed = sum(run_page(page, Path(inputs)) for page in chosen)
    sys.exit(f'{failed} failed' if failed else 0)


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    main()
