import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')

SPAWN = """
import multiprocessing
import time

from mmroi.utils.termination import end_with_parent


def work():
    end_with_parent()
    print(multiprocessing.current_process().pid, flush=True)
    time.sleep(100)


if __name__ == '__main__':
    multiprocessing.get_context('spawn').Process(target=work).start()
    time.sleep(100)
"""
# As a training: two loader workers that hold each other's pipes, and never look whether their parent lives.
TOOL = """
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from mmroi.cli.running import run_tool


def work(queue):
    os.write(1, f'{os.getpid()}\\n'.encode())  # in one piece
    if sys.argv[2:] == ['die']:
        os.kill(os.getpid(), signal.SIGTERM)
    queue.get()


def main():
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    workers = [context.Process(target=work, args=(queue,), daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        if sys.argv[2:] == ['die']:
            for worker in workers:
                worker.join()
            print(*[worker.exitcode for worker in workers], flush=True)
        time.sleep(100)
    except Exception:
        print('an ending is no error', flush=True)
    finally:
        Path(sys.argv[1], 'closed').touch()


run_tool(main)
"""


@pytest.fixture
def start(tmp_path, usual_signals):
    """Start a script; it is killed after the test."""
    started = []

    def run(script, *arguments):
        (tmp_path / 'tool.py').write_text(script)
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / 'tool.py'), str(tmp_path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(('script', 'number'), [(SPAWN, 1), (TOOL, 2)])
def test_workers_end_with_their_killed_parent(start, script, number, is_alive, assert_ends):
    parent = start(script)
    workers = [int(parent.stdout.readline()) for _ in range(number)]
    assert all(map(is_alive, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for worker in workers:
        assert_ends(worker, 20)


@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_tool_closes_its_files_and_says_so(start, tmp_path, signum, assert_ends):
    tool = start(TOOL)
    workers = [int(tool.stdout.readline()) for _ in range(2)]
    tool.send_signal(signum)
    tool.send_signal(signum)  # by its group and by its parent
    out, err = tool.communicate(timeout=20)
    assert tool.returncode == 128 + signum
    assert (out, err) == ('', f'ended by {signum.name}\n')
    assert (tmp_path / 'closed').is_file()
    for worker in workers:
        assert_ends(worker, 20)


# A library that swallows it: the argument says how often; it may also keep it.
SWALLOWED = """
import sys, time
from mmroi.cli.running import run_tool
from mmroi.utils import termination

termination._INTERVAL, termination._PATIENCE = 0.05, 3

def main():
    kept = []
    for _ in range(int(sys.argv[2])):
        try:
            print(flush=True)
            time.sleep(100)
        except BaseException as error:
            if sys.argv[3:] == ['keep']:
                termination._DUPLICATES = 0
                kept.append(error)
    if sys.argv[3:] != ['return']:
        time.sleep(100)

run_tool(main)
"""


@pytest.mark.parametrize('times', [1, 2, 100])
def test_who_swallows_the_request_is_asked_again_and_then_killed(start, times):
    tool = start(SWALLOWED, str(times))
    tool.stdout.readline()
    tool.send_signal(signal.SIGTERM)
    assert tool.wait(20) == (-signal.SIGTERM if times == 100 else 143)


def test_who_swallows_the_request_and_returns_has_not_succeeded(start):
    tool = start(SWALLOWED, '1', 'return')
    tool.stdout.readline()
    tool.send_signal(signal.SIGTERM)
    assert tool.wait(20) == 143


def test_a_second_signal_kills(start):
    tool = start(SWALLOWED, '2', 'keep')
    for _ in range(2):
        tool.stdout.readline()
        tool.send_signal(signal.SIGTERM)
    assert tool.wait(20) == -signal.SIGTERM


def test_workers_end_by_signals_as_usual(start):
    tool = start(TOOL, 'die')
    lines = [tool.stdout.readline() for _ in range(3)]
    assert lines[2] == f'{-signal.SIGTERM} {-signal.SIGTERM}\n'


def test_what_ignores_a_signal_goes_on_ignoring_it(start, tmp_path):
    process = start(f'import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n{TOOL}')
    for _ in range(2):
        process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
