"""Processes of a benchmark."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


KILLED = """
import subprocess, sys, time
from mmroi.benchmark.tool_process import _end_with_parent
child = [sys.executable, '-c', 'import time; time.sleep(60)']
print(subprocess.Popen(child, start_new_session=True, preexec_fn=_end_with_parent).pid, flush=True)
time.sleep(60)
"""


def test_a_killed_benchmark_leaves_no_training_behind():
    command = [sys.executable, '-c', KILLED, str(ROOT / 'tools')]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(300):
        if not is_alive(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail('the training goes on')


def is_alive(pid):
    """Whether a process runs; one that nobody has buried does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False
