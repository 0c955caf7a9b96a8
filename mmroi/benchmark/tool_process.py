"""Tools of this project, each in a process of its own that ends with this one."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import mmroi
from mmroi.utils.installation import find_file
from mmroi.utils.termination import signal_on_parents_death

_PACKAGES = Path(mmroi.__file__).parents[1]


def tool_command(tool: str, *arguments: object, launcher: Sequence[str] = ()) -> list[str]:
    """Make the command line of a tool.

    Args:
        tool: Path below ``tools``.
        *arguments: Its arguments.
        launcher: Arguments of Python before the tool, such as ``-m torch.distributed.run``.

    Returns:
        The words.
    """
    return [sys.executable, *launcher, str(find_file(f'tools/{tool}')), *map(str, arguments)]


def package_path() -> str:
    """Return a ``PYTHONPATH`` with which a process finds this package, which need not be installed."""
    return os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get('PYTHONPATH'))))


def start_process(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own.

    Args:
        command: Its words.
        log: File to which its output is appended.
        environment: Changes to the environment.

    Returns:
        The process.
    """
    with open(log, 'a', encoding='utf-8') as file:
        return subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, 'PYTHONPATH': package_path(), **(environment or {})},
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )


def end_group(
    process: subprocess.Popen[bytes] | BaseProcess, signum: signal.Signals = signal.SIGTERM
) -> None:
    """Send a signal to a process and to those that it has started, such as loader workers."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signum)
    except ProcessLookupError:  # it has ended, or has not made its group yet
        process.terminate()


def last_words(log: Path) -> str:
    """Return the last line of a log that is not empty."""
    lines = log.read_text(encoding='utf-8', errors='replace').split('\n')
    return next((line.strip() for line in reversed(lines) if line.strip()), 'no output')


def _end_with_parent() -> None:
    """Interrupt a new process when this one is killed, so that no two processes train in the same folder."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ``nohup command &`` ignores it
    signal_on_parents_death(signal.SIGINT)
