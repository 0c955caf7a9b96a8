"""Measurements as a list of steps: each a few commands with a time limit, and one file of figures."""

import hashlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmroi.benchmark.tool_process import end_group, last_words, start_process, tool_command
from mmroi.fileio.atomic import atomic_write
from mmroi.utils.errors import explain
from mmroi.utils.installation import PACKAGE

FIGURES = 'figures.json'
_GRACE = 10.0  # seconds from being asked to end to being killed


class StepError(RuntimeError):
    """A step failed."""


class Command(NamedTuple):
    """A tool of this project with its arguments.

    Attributes:
        tool: Path below ``tools``.
        arguments: Its arguments; ``{out}`` stands for the folder of the step.
        launcher: Arguments of Python before the tool.
    """

    tool: str
    arguments: tuple[str, ...]
    launcher: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ' '.join(('python', *self.launcher, f'tools/{self.tool}', *self.arguments))

    def words(self, out: Path) -> list[str]:
        """Return the command line for a folder."""
        arguments = [argument.replace('{out}', str(out)) for argument in self.arguments]
        return tool_command(self.tool, *arguments, launcher=self.launcher)


def read_figures(out: Path) -> Any:
    """Read what a tool wrote with ``--json {out}/figures.json``."""
    return json.loads((out / FIGURES).read_bytes())


@dataclass(frozen=True)
class Step:
    """A measurement.

    Attributes:
        name: Name of its files.
        commands: Run one after the other in a folder of the step's own, which is empty at first.
        read: Reads the figures from that folder.
        environment: Changes to the environment of the commands.
    """

    name: str
    commands: tuple[Command, ...]
    read: Callable[[Path], Any] = read_figures
    environment: Mapping[str, str] = field(default_factory=dict)


def run_steps(
    steps: Iterable[Step], work_dir: Path, limit: float, report: Callable[[str], None] = print
) -> dict[str, str]:
    """Run the steps whose figures do not exist yet, or are of other commands or other code.

    Args:
        steps: The steps.
        work_dir: Folder of ``<step>.json`` and ``<step>.log``.
        limit: Seconds that a step may take.
        report: Called with a sentence about each step.

    Returns:
        Reasons by name of the steps that failed; they do not stop the others.
    """
    failures = {}
    for step in steps:
        if read_record(step, work_dir) is not None:
            report(f'{step.name}: done before')
            continue
        start = time.monotonic()
        try:
            _run_step(step, work_dir, limit)
            report(f'{step.name}: {time.monotonic() - start:.0f} s')
        except Exception as error:
            failures[step.name] = explain(error)
            report(f'{step.name}: failed: {failures[step.name]}')
    return failures


def read_record(step: Step, work_dir: Path) -> dict[str, Any] | None:
    """Read the record of a step.

    Args:
        step: The step.
        work_dir: As for :func:`run_steps`.

    Returns:
        ``commands``, ``code``, ``seconds`` and ``figures``; None unless they are of these commands and code.
    """
    try:
        record = json.loads((work_dir / f'{step.name}.json').read_bytes())
        current = record['commands'] == _texts(step) and record['code'] == code_hash()
        return dict(record) if current and 'figures' in record else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def code_hash() -> str:
    """Return a hash of all that a measurement depends on: the package, its tools and its configs."""
    digest = hashlib.sha256()
    for folder in (PACKAGE, PACKAGE.parent / 'tools', PACKAGE.parent / 'configs'):
        for path in sorted(folder.rglob('*.py')):
            digest.update(f'{path.relative_to(PACKAGE.parent)} '.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _texts(step: Step) -> list[str]:
    return [*map(str, step.commands)]


def _run_step(step: Step, work_dir: Path, limit: float) -> None:
    out, log = work_dir / step.name, work_dir / f'{step.name}.log'
    work_dir.mkdir(parents=True, exist_ok=True)
    _empty(out)
    log.write_bytes(b'')
    start = time.monotonic()
    for command in step.commands:
        process = start_process(command.words(out), log, step.environment)
        try:
            code = process.wait(max(limit - (time.monotonic() - start), 0))
        except BaseException as error:
            _end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise StepError(f'{command.tool} took more than {limit:g} s ({log})') from None
            raise
        if code:
            raise StepError(f'{command.tool}: {last_words(log)} ({log})')
    record = dict(
        commands=_texts(step), code=code_hash(), seconds=time.monotonic() - start, figures=step.read(out)
    )
    with atomic_write(work_dir / f'{step.name}.json') as path:
        path.write_text(json.dumps(record, indent=2), encoding='utf-8')


def _empty(folder: Path) -> None:
    """Make a folder, and remove what an earlier try left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started; those that do not end in time are killed."""
    end_group(process)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        pass
    end_group(process, signal.SIGKILL)
    process.wait()


def select(steps: Sequence[Step], names: Sequence[str] | None) -> list[Step]:
    """Choose steps by name, in their own order.

    Args:
        steps: The steps.
        names: Names or beginnings of names; None for all.

    Returns:
        The chosen steps.

    Raises:
        ValueError: If a name belongs to no step.
    """
    if names is None:
        return list(steps)
    for name in names:
        if not any(step.name.startswith(name) for step in steps):
            raise ValueError(f'--steps knows {", ".join(step.name for step in steps)}; got {name!r}')
    return [step for step in steps if step.name.startswith(tuple(names))]
