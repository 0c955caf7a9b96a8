"""Frames of video files and webcams, one at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame

# Some containers do not count their frames, and OpenCV makes the number from duration and rate.
_COUNT_TOLERANCE = 0.01
# Where the file does not tell a rate
_FPS = 30.0


@dataclass(frozen=True)
class Video:
    """A video file. OpenCV turns its frames upright as the file's metadata tell.

    Attributes:
        path: The file.
        name: As ``video`` in :class:`.Frame`; its frames are numbered behind it.
        source: As in :class:`.Frame`.
    """

    path: Path
    name: str
    source: str

    @cached_property
    def num_frames(self) -> int | None:
        """Frames as the header tells; None if it does not."""
        with _capture(str(self.path)) as capture:
            return _frame_count(capture)

    def __iter__(self) -> Iterator[Frame | BadInput]:
        try:
            empty = self.path.stat().st_size == 0
        except OSError as error:
            yield BadInput(self.source, f'cannot be read ({error.strerror}); check the file')
            return
        if empty:
            yield BadInput(self.source, 'is empty (0 bytes); copy or download it again')
            return
        with _capture(str(self.path)) as capture:
            count, read = _frame_count(capture) or 0, 0
            for frame in self._frames(capture):
                yield frame
                read += 1
        if read == 0:
            yield BadInput(self.source, 'is no video that can be decoded; convert it to MP4 (H.264)')
        elif count - read > max(1, _COUNT_TOLERANCE * count):
            yield BadInput(
                self.source,
                f'breaks at frame {read} of {count}; what came before is kept; copy '
                'or download it again for the rest',
            )

    def _frames(self, capture: cv2.VideoCapture) -> Iterator[Frame]:
        index, last = 0, 0.0
        interval = 1 / (capture.get(cv2.CAP_PROP_FPS) or _FPS)
        while True:
            good, image = capture.read()
            if not good:
                return
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index and stamp <= last:  # damaged or missing stamps
                stamp = last + interval
            yield _frame(image, self.name, self.source, index, stamp)
            index, last = index + 1, stamp


@dataclass(frozen=True)
class Webcam:
    """A camera of this machine, which gives frames until it is stopped.

    Args:
        index: Its number.
        name: As in :class:`Video`.
        source: As in :class:`.Frame`.

    Raises:
        BadInputError: It cannot be opened.
    """

    index: int
    name: str
    source: str
    num_frames = None

    def __post_init__(self) -> None:
        with _capture(self.index) as capture:
            if not capture.isOpened():
                raise BadInputError(
                    f'{self.source} cannot be opened; check that it is connected and that no '
                    'other program has it'
                )

    def __iter__(self) -> Iterator[Frame | BadInput]:
        with _capture(self.index) as capture:
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, however long the last one took
            index, start = 0, time.monotonic()
            while True:
                good, image = capture.read()
                if not good:
                    yield BadInput(self.source, f'gives no more after frame {index}; is it connected?')
                    return
                yield _frame(image, self.name, self.source, index, time.monotonic() - start)
                index += 1


@contextmanager
def _capture(what: str | int) -> Iterator[cv2.VideoCapture]:
    capture = cv2.VideoCapture(what)
    try:
        yield capture
    finally:
        capture.release()


def _frame_count(capture: cv2.VideoCapture) -> int | None:
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if count > 0 else None


def _frame(image: cv2.typing.MatLike, video: str, source: str, index: int, stamp: float) -> Frame:
    return Frame(image, f'{video}_{index:06d}', source, index, video, stamp)  # type: ignore[arg-type]
