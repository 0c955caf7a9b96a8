"""How the processes of a tool end: by a signal as by Ctrl-C, and never later than their parent."""

import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
import time
import weakref
from types import FrameType

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None  # found before a fork, not in the child


_INTERVAL = 1.0  # seconds between looks at whether the request to end has been swallowed
_PATIENCE = 5  # requests that may be swallowed
_DUPLICATES = 3.0  # seconds in which the same signal may come again by another way


class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal other than that of Ctrl-C.

    What handles Ctrl-C handles it as well, so that files are closed. Code that goes on after it has caught it
    keeps a reference to it, or it is raised again.

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

    Libraries swallow exceptions (``except: pass``, finalizers). One that nobody refers to any more, although
    the process goes on, is raised again, a few times, and then the process is killed.

    Signals that are ignored, as by ``nohup``, or that have a handler stay as they are. A signal that is
    repeated at once is ignored: schedulers signal a whole process group, and its parents pass the signal on.
    Seconds later it kills the process. No-op outside the main thread, which alone receives signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in _endings():
        if signal.getsignal(signum) is signal.SIG_DFL:
            signal.signal(signum, _raise_terminated)


def requested_end() -> int | None:
    """Return the signal by which this process was asked to end; None if it was not."""
    return _request.signum if _request else None


def stop_insisting() -> None:
    """Raise :class:`Terminated` no more: the process is ending."""
    if _request and hasattr(signal, 'setitimer'):
        signal.setitimer(signal.ITIMER_REAL, 0)


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


class _Request:
    """A request to end this process, which is repeated as long as it is swallowed."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self._since = time.monotonic()
        self._raised: list[weakref.ref[Terminated]] = []
        if hasattr(signal, 'setitimer'):  # not a thread: a handler may interrupt one that is being started
            signal.signal(signal.SIGALRM, self.insist)
            signal.setitimer(signal.ITIMER_REAL, _INTERVAL, _INTERVAL)

    def insist(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Raise the exception if there is none on its way."""
        if any(raised() is not None for raised in self._raised):
            return
        if len(self._raised) > _PATIENCE:
            self._kill()
        raise self._remember(Terminated(self.signum))  # no variable here: its traceback would keep it

    def repeat(self) -> None:
        """Kill the process, unless this is the same signal by another way."""
        if time.monotonic() - self._since > _DUPLICATES:
            self._kill()

    def _remember(self, ending: Terminated) -> Terminated:
        self._raised.append(weakref.ref(ending))
        return ending

    def _kill(self) -> None:
        signal.signal(self.signum, signal.SIG_DFL)
        os.kill(os.getpid(), self.signum)


_request: _Request | None = None


def _raise_terminated(signum: int, frame: FrameType | None) -> None:
    global _request
    if _request is not None:
        _request.repeat()
        return
    _request = _Request(signum)
    _request.insist()


def _begin_as_child(_: object) -> None:
    global _request
    _request = None  # timers are not inherited
    for signum in _endings():
        if signal.getsignal(signum) is _raise_terminated:
            signal.signal(signum, signal.SIG_DFL)
    end_with_parent()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
