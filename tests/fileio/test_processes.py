import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from mmroi.fileio.processes import run_in_processes


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


@pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')
def test_an_interrupt_is_for_the_caller_who_ends_processes_in_the_middle_of_their_jobs(assert_ends):
    """A terminal sends Ctrl-C to all of them, and each would write a traceback and go on."""
    results = run_in_processes(time.sleep, [(0,), (3600,), (3600,)], 1)
    next(results)
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, signal.SIGINT)
    worker.join(0.5)
    assert worker.is_alive()
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert_ends(worker.pid, 20)
