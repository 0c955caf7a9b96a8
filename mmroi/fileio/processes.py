"""Worker processes that do not outlive their parent."""

import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from mmroi.utils.termination import end_with_parent

T = TypeVar('T')


def run_in_processes(
    function: Callable[..., T],
    jobs: Sequence[tuple[Any, ...]],
    workers: int,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Generator[T, None, None]:
    """Call a function in new processes. An error in one job cancels those that have not started.

    If the caller is interrupted or wants no more results, the processes end at once, in the middle of their
    jobs. So a job must leave nothing that is half done; a caller whose own code may be interrupted puts
    ``contextlib.closing`` around the results.

    Args:
        function: The function; it must be picklable.
        jobs: Arguments of each call.
        workers: Number of processes.
        initializer: Called first in each process.
        initargs: Arguments of ``initializer``.

    Yields:
        The results, in the order in which the jobs finish.
    """
    start = (initializer, initargs)
    with ProcessPoolExecutor(workers, get_context('spawn'), _start_worker, start) as pool:
        try:
            with _interrupts_only_here():
                futures = [pool.submit(function, *job) for job in jobs]
            for future in as_completed(futures):
                yield future.result()
        except BaseException as error:
            processes = list(pool._processes.values())
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, Exception):
                for process in processes:
                    process.terminate()
            raise


@contextmanager
def _interrupts_only_here() -> Iterator[None]:
    """Let processes that are started in the block get no Ctrl-C; this one gets it afterwards."""
    if not hasattr(signal, 'pthread_sigmask'):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    end_with_parent()
    if initializer is not None:
        initializer(*initargs)
