"""Read frames of video files and webcams one at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.fileio.other_files import START, name_other_file

# Some containers do not store the number of frames, and OpenCV estimates it from duration and rate.
_COUNT_TOLERANCE = 0.01
_ASPECTS = (0.25, 4.0)  # of pixels; others are damage
_FPS = 30.0  # assumed if the file or the camera states no rate


@dataclass(frozen=True)
class Video:
    """A video file.

    OpenCV rotates its frames upright according to the metadata. Frames whose pixels are not square are
    resized to square ones, as players show them.

    Attributes:
        path: The file.
        name: ``video`` of its frames, whose names are ``<name>_<index>``.
        source: As in :class:`.Frame`.
        has_sound: As in :class:`.Frame`; False if ``source`` is not the file.
    """

    path: Path
    name: str
    source: str
    has_sound: bool = True

    @cached_property
    def num_frames(self) -> int | None:
        """Number of frames according to the header; None if it has none."""
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
            with self.path.open('rb') as file:
                other = name_other_file(file.read(START))
            yield BadInput(self.source, other or 'cannot be decoded as a video; convert it to MP4 (H.264)')
        elif count - read > max(1, _COUNT_TOLERANCE * count):
            yield BadInput(
                self.source,
                f'breaks at frame {read} of {count}; what came before is kept; copy '
                'or download it again for the rest',
            )

    def _frames(self, capture: cv2.VideoCapture) -> Iterator[Frame]:
        index, last = 0, 0.0
        stretch, total = _pixel_aspect(capture), _seconds(capture)
        fps = capture.get(cv2.CAP_PROP_FPS) or None
        interval = 1 / (fps or _FPS)
        while True:
            good, image = capture.read()
            if not good:
                return
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index and stamp <= last:  # damaged or missing stamps
                stamp = last + interval
            frame = _frame(_with_square_pixels(image, stretch), self.name, self.source, index, stamp, fps)
            is_last = total is not None and index + 1 == total[0] and total[1] - stamp > interval
            duration = total[1] - stamp if total is not None and is_last else None
            yield replace(frame, has_sound=self.has_sound, duration=duration)
            index, last = index + 1, stamp


@dataclass(frozen=True)
class Webcam:
    """A camera of this machine; it yields frames until it is stopped.

    Args:
        index: Number of the camera.
        name: As in :class:`Video`.
        source: As in :class:`.Frame`.

    Raises:
        BadInputError: If it cannot be opened.
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
                    'other program uses it'
                )

    def __iter__(self) -> Iterator[Frame | BadInput]:
        with _capture(self.index) as capture:
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, however long processing took
            # Frames come as slowly as they are processed; a video of them is written at the camera's rate.
            fps = capture.get(cv2.CAP_PROP_FPS) or _FPS
            index, start = 0, time.monotonic()
            while True:
                good, image = capture.read()
                if not good:
                    yield BadInput(self.source, f'stopped after frame {index}; check that it is connected')
                    return
                yield _frame(image, self.name, self.source, index, time.monotonic() - start, fps)
                index += 1


@contextmanager
def _capture(source: str | int) -> Iterator[cv2.VideoCapture]:
    log = cv2.utils.logging  # what fails to open is reported by whoever asked, in one sentence
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(source)
    finally:
        log.setLogLevel(level)
    try:
        yield capture
    finally:
        capture.release()


def _frame_count(capture: cv2.VideoCapture) -> int | None:
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if count > 0 else None


def _seconds(capture: cv2.VideoCapture) -> tuple[int, float] | None:
    """Return the number of frames and the duration of a video according to its header, if it has them."""
    count, fps = _frame_count(capture), capture.get(cv2.CAP_PROP_FPS)
    return (count, count / fps) if count and fps > 0 else None


def _pixel_aspect(capture: cv2.VideoCapture) -> float:
    """Return width / height of the pixels of the upright frames."""
    width, height = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    if not (width > 0 and height > 0 and _ASPECTS[0] <= width / height <= _ASPECTS[1]):
        return 1.0
    quarter_turn = capture.get(cv2.CAP_PROP_ORIENTATION_AUTO) and (
        capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180 == 90
    )
    return height / width if quarter_turn else width / height


def _with_square_pixels(image: cv2.typing.MatLike, aspect: float) -> cv2.typing.MatLike:
    if aspect == 1:
        return image
    height, width = image.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def _frame(
    image: cv2.typing.MatLike, video: str, source: str, index: int, stamp: float, fps: float | None = None
) -> Frame:
    return Frame(image, f'{video}_{index:06d}', source, index, video, stamp, fps=fps)
