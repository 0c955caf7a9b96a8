"""Progress bars on standard error, drawn by rich."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, ClassVar, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar('T')


class ProgressBar:
    """A progress bar with a count, a status text and the remaining time; a context manager.

    On a terminal, printed lines and the messages of ``loggers`` scroll above the bar. Elsewhere a bar that is
    not disabled is printed once, when it is closed. Bars may be nested.

    Args:
        total: Number of steps; None if unknown.
        description: Shown before the bar.
        completed: Number of steps that are already done.
        disable: Draw nothing; None draws only if standard error is a terminal.
        transient: Remove the bar when it is closed.
        loggers: Loggers whose messages would otherwise break the bar.
    """

    # rich allows one live display at a time, so nested bars share it.
    _display: ClassVar[Progress | None] = None
    _num_open: ClassVar[int] = 0

    def __init__(
        self,
        total: int | None = None,
        description: str = '',
        completed: int = 0,
        disable: bool | None = None,
        transient: bool = False,
        loggers: Sequence[logging.Logger] = (),
    ) -> None:
        self._options = dict(total=total, description=description, completed=completed)
        self._disable, self._transient, self._loggers = disable, transient, loggers
        self._progress: Progress | None = None
        self._streams: list[tuple[logging.StreamHandler[Any], Any]] = []

    def __enter__(self) -> 'ProgressBar':
        console = Console(stderr=True)
        if not console.is_terminal if self._disable is None else self._disable:
            return self
        names = {sys.stdout: 'stdout', sys.stderr: 'stderr'}
        if ProgressBar._display is None:
            ProgressBar._display = _start_display(console)
        ProgressBar._num_open += 1
        self._progress = ProgressBar._display
        self._task = self._progress.add_task(**self._options, status='')  # type: ignore[arg-type]
        for logger in self._loggers:
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream in names:
                    self._streams.append((handler, handler.stream))
                    handler.setStream(getattr(sys, names[handler.stream]))
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        """Advance the bar.

        Args:
            steps: Number of steps done since the last call.
            status: New text behind the count; None keeps the old one.
        """
        if self._progress is not None:
            self._progress.advance(self._task, steps)
            if status is not None:
                self._progress.update(self._task, status=status)

    def close(self) -> None:
        """Stop drawing and give the loggers their streams back."""
        if self._progress is None:
            return
        if self._transient:
            self._progress.remove_task(self._task)
        ProgressBar._num_open -= 1
        if ProgressBar._num_open == 0:
            self._progress.stop()
            ProgressBar._display = None
        self._progress = None
        while self._streams:
            handler, stream = self._streams.pop()
            handler.setStream(stream)


def _start_display(console: Console) -> Progress:
    display = Progress(
        TextColumn('{task.description}', markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[status]}', markup=False),
        TimeRemainingColumn(),
        console=console,
        # Output that goes to a file must stay there.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )
    display.start()
    return display


def track(
    iterable: Iterable[T], total: int | None = None, description: str = '', disable: bool | None = None
) -> Iterator[T]:
    """Iterate with a progress bar.

    Args:
        iterable: What to iterate over.
        total: Number of items; None takes the length of ``iterable`` if it has one.
        description: Shown before the bar.
        disable: As for ``ProgressBar``.

    Yields:
        The items.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with ProgressBar(total, description, disable=disable) as bar:
        for item in iterable:
            yield item
            bar.advance()
