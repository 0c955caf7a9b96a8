"""An annotated video, frame by frame."""

from pathlib import Path

import cv2
import numpy as np

FALLBACK_FPS = 25.0  # of a video of which one frame, or no time, is known


class VideoFile:
    """Writes MP4 (MPEG-4 Part 2, the codec that OpenCV's wheels have).

    Args:
        path: The file, ending in ``.mp4``; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer: cv2.VideoWriter | None = None
        self._first: tuple[np.ndarray, float | None] | None = None

    def add(self, picture: np.ndarray, time: float | None) -> None:
        """Add a frame; all must have the size of the first.

        Args:
            picture: (H, W, 3) BGR uint8.
            time: Seconds. The distance of the first two frames gives the rate of the video.

        Raises:
            OSError: If the file cannot be written.
        """
        if self._writer is not None:
            self._writer.write(_even(picture))
        elif self._first is None:
            self._first = picture, time
        else:
            self._start(time)
            self.add(picture, time)

    def close(self) -> None:
        """Finish the file."""
        if self._first is not None:
            self._start(None)
        if self._writer is not None:
            self._writer.release()

    def _start(self, second_time: float | None) -> None:
        assert self._first is not None
        picture, time = self._first
        self._first = None
        known = time is not None and second_time is not None and second_time > time
        fps = 1 / (second_time - time) if known else FALLBACK_FPS  # type: ignore[operator]
        height, width = _even(picture).shape[:2]
        self._writer = cv2.VideoWriter(str(self.path), cv2.VideoWriter.fourcc(*'mp4v'), fps, (width, height))
        if not self._writer.isOpened():
            raise OSError(f'cannot write the video {self.path}')
        self._writer.write(_even(picture))


def _even(picture: np.ndarray) -> np.ndarray:
    """The picture without its last row or column where they are odd: players want even sizes."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height - height % 2 or 1, : width - width % 2 or 1])
