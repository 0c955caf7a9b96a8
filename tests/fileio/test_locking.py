import multiprocessing
import os
import signal
import threading
import time

import pytest

from mmroi.fileio.locking import fcntl, is_locked, lock_folder, one_process_at_a_time, reserve

needs_locks = pytest.mark.skipif(fcntl is None, reason='there are no locks')


def test_the_second_waits_for_the_first(tmp_path):
    path = tmp_path / '.lock'
    path.touch()
    order = []

    def second():
        with one_process_at_a_time(path):
            order.append('second')

    thread = threading.Thread(target=second)
    with one_process_at_a_time(path):
        thread.start()
        thread.join(0.2)
        order.append('first')
    thread.join()
    assert order == ['first', 'second']


@needs_locks
def test_a_place_is_reserved_for_one(tmp_path):
    lock = tmp_path / 'new' / '.lock'
    with reserve(lock, 'in use'):
        with pytest.raises(RuntimeError, match='^in use$'), reserve(lock, 'in use'):
            pass
    assert not lock.exists()
    with reserve(lock, 'in use'):
        pass


@needs_locks
def test_others_wait_and_never_work_at_once(tmp_path):
    """The lock file is removed by each, so the next one must not hold a lock of the removed file."""

    def work():
        for _ in range(10):
            with reserve(tmp_path / '.lock', busy=None):
                (tmp_path / 'busy').touch(exist_ok=False)
                time.sleep(0.001)
                (tmp_path / 'busy').unlink()

    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=work) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4 and list(tmp_path.iterdir()) == []


@needs_locks
def test_a_killed_process_releases_its_place(tmp_path):
    def work():
        with reserve(tmp_path / '.lock', 'in use'):
            (tmp_path / 'ready').touch()
            time.sleep(60)

    process = multiprocessing.get_context('fork').Process(target=work)
    process.start()
    while not (tmp_path / 'ready').exists():
        time.sleep(0.01)
    with pytest.raises(RuntimeError), reserve(tmp_path / '.lock', 'in use'):
        pass
    process.kill()
    process.join()
    with reserve(tmp_path / '.lock', 'in use'):
        assert os.listdir(tmp_path)


@needs_locks
def test_a_worker_does_not_hold_the_place_of_its_killed_parent(tmp_path):
    def work():
        with reserve(tmp_path / '.lock', 'in use'):
            worker = os.fork()
            if not worker:
                time.sleep(60)
                os._exit(0)
            (tmp_path / 'new').write_text(str(worker))
            (tmp_path / 'new').rename(tmp_path / 'worker')
            time.sleep(60)

    process = multiprocessing.get_context('fork').Process(target=work)
    process.start()
    while not (tmp_path / 'worker').exists():
        time.sleep(0.01)
    with pytest.raises(RuntimeError), reserve(tmp_path / '.lock', 'in use'):
        pass
    process.kill()
    process.join()
    try:
        with reserve(tmp_path / '.lock', 'in use'):
            pass
    finally:
        os.kill(int((tmp_path / 'worker').read_text()), signal.SIGKILL)


@needs_locks
def test_folders_in_use(tmp_path):
    assert not is_locked(tmp_path)
    with lock_folder(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path) and is_locked(tmp_path / 'absent')
