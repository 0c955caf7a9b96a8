"""Worker processes that do not outlive their parent."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
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
) -> Iterator[T]:
    """Call a function in new processes. An error in one job cancels those that have not started.

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
        futures = [pool.submit(function, *job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_worker(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    end_with_parent()
    if initializer is not None:
        initializer(*initargs)
