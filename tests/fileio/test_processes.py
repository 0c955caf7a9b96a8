import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmroi.fileio.processes import run_in_processes

PARENT = """
import multiprocessing
import time

from mmroi.fileio.processes import end_with_parent


def work(name):
    end_with_parent()
    print(multiprocessing.current_process().pid, flush=True)
    time.sleep(100)


if __name__ == '__main__':
    context = multiprocessing.get_context('spawn')
    context.Process(target=work, args=('a',)).start()
    time.sleep(100)
"""


@pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')
def test_a_worker_ends_with_its_killed_parent(tmp_path):
    (tmp_path / 'parent.py').write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / 'parent.py')],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)  # it lives
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while _is_alive(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # nobody may have collected the ended process
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.parametrize('initializer', [None, time.sleep])
def test_results_of_all_jobs_come_back(initializer):
    initargs = () if initializer is None else (0,)
    found = list(run_in_processes(divmod, [(i, 3) for i in range(5)], 2, initializer, initargs))
    assert sorted(found) == [divmod(i, 3) for i in range(5)]


def test_the_error_of_a_job_is_raised_and_cancels_the_rest(tmp_path):
    jobs = [(tmp_path / 'absent' / 'a',), *((tmp_path / str(i),) for i in range(100))]
    with pytest.raises(FileNotFoundError, match='absent'):
        list(run_in_processes(Path.mkdir, jobs, 1))
    assert len(list(tmp_path.iterdir())) < 100
