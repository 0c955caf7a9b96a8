"""The progress bar of a run."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmroi.apis.inference.frames import BadInput
from mmroi.apis.inference.results import FrameResult


class PictureProgress:
    """Pictures, people and failures so far, on standard error where that is a terminal; a context manager.

    Args:
        total: Number of pictures; None where unknown.
        show: False shows nothing anywhere.
    """

    def __init__(self, total: int | None, show: bool = True) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn('pictures'),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('{task.fields[people]} people, {task.fields[failed]} failed'),
            TimeRemainingColumn(),
            console=console,
            disable=not (show and console.is_terminal),
        )
        self._task = self._bar.add_task('pictures', total=total, people=0, failed=0)
        self._people = self._failed = 0

    def __enter__(self) -> 'PictureProgress':
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def add(self, result: FrameResult | BadInput) -> None:
        """Move on by a picture.

        Args:
            result: Of the picture.
        """
        if isinstance(result, FrameResult):
            self._people += len(result.samples)
        else:
            self._failed += 1
        self._bar.update(self._task, advance=1, people=self._people, failed=self._failed)
