"""Processes of a benchmark."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


KILLED = """
import subprocess, sys, time
from mmroi.benchmark.tool_process import _end_with_parent
child = [sys.executable, '-c', 'import time; time.sleep(60)']
print(subprocess.Popen(child, start_new_session=True, preexec_fn=_end_with_parent).pid, flush=True)
time.sleep(60)
"""


def test_a_killed_benchmark_leaves_no_training_behind(assert_ends):
    command = [sys.executable, '-c', KILLED, str(ROOT / 'tools')]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    assert_ends(child)
