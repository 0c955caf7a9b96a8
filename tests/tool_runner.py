"""Tools with their arguments, output, and exit status as a user sees them, without the seconds of importing.

Each runs in a process of its own, which is forked from one that has imported and done nothing else. What
importing itself does is tested in ``integration/test_without_smplx.py`` and ``test_customize.py`` beside it.
"""

import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

from mmroi.benchmark.tool_process import end_group
from mmroi.benchmark.warm_process import start_tool

ROOT = Path(__file__).parents[1]


def run_tool(
    name: str,
    *arguments: object,
    check: bool = True,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> CompletedProcess:
    """Run ``tools/NAME``; it must succeed unless ``check`` is False."""
    variables = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT), **(environment or {})}
    words = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, 'output'), Path(folder, 'errors')
        output.touch(), errors.touch()
        process = start_tool(ROOT / 'tools' / name, words, output, variables, errors=errors, folder=cwd)
        process.join(timeout)
        if process.exitcode is None:
            end_group(process, signal.SIGKILL)
            raise TimeoutError(f'{name} has not ended within {timeout} s: {errors.read_text()[-4000:]}')
        done = CompletedProcess([name, *words], process.exitcode, output.read_text(), errors.read_text())
    assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done
