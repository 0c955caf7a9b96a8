"""How the processes of a tool end: by a signal as by Ctrl-C, and never later than their parent."""

import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
from types import FrameType

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None  # found before a fork, not in the child


class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal other than that of Ctrl-C.

    What handles Ctrl-C handles it as well, so that files are closed.

    Args:
        signum: Number of the signal.

    Attributes:
        status: Exit status by which shells and schedulers recognize the signal, such as 143.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f'ended by {signal.Signals(signum).name}')
        self.status = 128 + signum


def end_like_ctrl_c() -> None:
    """Raise :class:`Terminated` in the main thread on SIGTERM and SIGHUP, instead of ending at once.

    Signals that are ignored, as by ``nohup``, or that have a handler stay as they are. A signal that is
    repeated is ignored: schedulers signal a whole process group, and its parents pass the signal on. No-op
    outside the main thread, which alone receives signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in _endings():
        if signal.getsignal(signum) is signal.SIG_DFL:
            signal.signal(signum, _raise_terminated)


def end_children_with_this_process() -> None:
    """Let all processes that ``multiprocessing`` forks from now on, such as loader workers, end with this.

    They also get the system's way of ending by a signal, as nobody would catch the exception.
    """
    multiprocessing.util.register_after_fork(_raise_terminated, _begin_as_child)


def end_with_parent() -> None:
    """End this worker process with its parent, even if that is killed; the worker would wait forever.

    The parent must be the one that started it with ``multiprocessing``.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal_on_parents_death(getattr(signal, 'SIGKILL', signal.SIGTERM))
    if parent.pid != os.getppid() and sys.platform == 'linux':
        os._exit(1)  # it had ended before
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def signal_on_parents_death(signum: int) -> None:
    """Ask Linux to send a signal to this process when its parent ends; a no-op on other systems.

    Args:
        signum: Number of the signal.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signum)


def _endings() -> tuple[signal.Signals, ...]:
    return tuple(getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name))


def _raise_terminated(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_IGN)
    raise Terminated(signum)


def _begin_as_child(_: object) -> None:
    for signum in _endings():
        if signal.getsignal(signum) is _raise_terminated:
            signal.signal(signum, signal.SIG_DFL)
    end_with_parent()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
