"""Tools in processes that have imported before."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmroi.benchmark.tool_process import end_group
from mmroi.benchmark.warm_process import start_tool

ROOT = Path(__file__).parents[2]


KILLED = """
import sys, time
from pathlib import Path
from mmroi.benchmark.warm_process import start_tool
if __name__ == '__main__':
    print(start_tool(Path(sys.argv[1]), [], Path(sys.argv[2]), {}).pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def tool(tmp_path):
    def write(text):
        path = tmp_path / 'tool.py'
        path.write_text(text)
        return path

    return write


def test_a_killed_benchmark_leaves_no_training_behind(tool, tmp_path, assert_ends):
    script = tmp_path / 'parent.py'
    script.write_text(KILLED)
    command = [sys.executable, script, tool('import time; time.sleep(60)'), tmp_path / 'log']
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    assert_ends(child)


AT_ONCE = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from mmroi.benchmark.warm_process import start_tool

both = threading.Barrier(2, timeout=1)

def ensure_running():
    try:
        both.wait()
    except threading.BrokenBarrierError:
        running()
    else:
        raise AssertionError('a second thread takes the changed environment for that of the user')

def start(log):
    process = start_tool(Path(sys.argv[2]), [], Path(log), {})
    process.join()
    return process.exitcode

if __name__ == '__main__':
    running, forkserver.ensure_running = forkserver.ensure_running, ensure_running
    with ThreadPoolExecutor(2) as pool:
        print(*pool.map(start, sys.argv[3:]), 'PYTHONPATH' in os.environ)
"""


def test_two_threads_start_tools_at_once(tool, tmp_path):
    script = tmp_path / 'parent.py'
    script.write_text(AT_ONCE)
    command = [sys.executable, script, ROOT, tool('print(1)'), tmp_path / 'a.log', tmp_path / 'b.log']
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout == '0 0 False\n', done.stderr


TELL = """
import os, sys
import torch
if __name__ == '__main__':
    can_use_cuda = not torch.cuda._is_in_bad_fork() and os.environ['PYTORCH_NVML_BASED_CUDA_CHECK'] == '1'
    print(sys.argv[1:], torch.get_num_threads(), os.environ['WHO'], can_use_cuda, flush=True)
    sys.exit('error: this is why' if sys.argv[1] == 'fail' else None)
"""


def test_a_tool_gets_its_words_and_threads_and_its_output_is_logged(tool, tmp_path):
    log = tmp_path / 'log'
    log.write_text('before\n')
    codes = []
    for word in ('fine', 'fail'):
        process = start_tool(tool(TELL), [word, tmp_path], log, dict(OMP_NUM_THREADS='1', WHO='me'))
        process.join()
        codes.append(process.exitcode)
    assert codes == [0, 1] and not {'WHO', 'PYTORCH_NVML_BASED_CUDA_CHECK'} & set(os.environ)
    lines = log.read_text().splitlines()
    assert lines[:2] == ['before', f"['fine', '{tmp_path}'] 1 me True"] and lines[-1] == 'error: this is why'


def test_a_group_ends_with_its_loaders(tool, tmp_path, is_alive):
    process = start_tool(
        tool('import subprocess as s; print(s.Popen(["sleep", "60"]).pid, flush=True); s.time.sleep(60)'),
        [],
        tmp_path / 'log',
        {},
    )
    for _ in range(600):
        if (tmp_path / 'log').is_file() and (tmp_path / 'log').read_text().strip():
            break
        time.sleep(0.1)
    loader = int((tmp_path / 'log').read_text())
    end_group(process)
    process.join()
    assert process.exitcode == -signal.SIGTERM and not is_alive(loader)
