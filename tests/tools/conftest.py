import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def run_tool():
    """``run_tool('test.py', ...)`` runs a tool as a user does; it must succeed unless ``check=False``."""

    def run(name, *arguments, check=True, cwd=ROOT):
        command = [sys.executable, ROOT / 'tools' / name, *arguments]
        env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
        command = [str(part) for part in command]
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
        if check:
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    return run
