"""Frames of a dataset's videos as JPEG files, extracted earlier or by this module."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmroi.datasets.converters.input_files import note_input
from mmroi.datasets.converters.raw_files import find_file
from mmroi.fileio.atomic import atomic_write

_QUALITY = 95
# Containers announce a few frames more than decoders return.
_TOLERANCE = 5


def provide_frames(
    root: Path, layouts: Sequence[str], videos: Sequence[str], frames: np.ndarray, optional: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return image paths of video frames, and extract the frames that do not exist yet.

    Args:
        root: Folder of the download.
        layouts: Paths of frames in the layouts of different tools, relative to ``root``, with ``{number}``
            counting from 1. The first layout with any existing frame is used, or else the first one.
        videos: Possible paths of the video, relative to ``root``.
        frames: (F,) indices, counting from 0.
        optional: The video is known to be damaged; use as much of it as can be read.

    Returns:
        Paths (F,) relative to ``root``, and (F,) bool: False for frames after the end of the video.

    Raises:
        FileNotFoundError: There are neither frames nor a video.
        ValueError: The video is damaged.
    """
    if not len(frames):
        return np.zeros(0, np.str_), np.zeros(0, bool)
    numbers = (frames + 1).tolist()
    for layout in (*layouts, layouts[0]):
        paths = [layout.format(number=number) for number in numbers]
        there = np.array([_is_there(root / path) for path in paths], bool)
        if there.any():
            break
    in_video = np.ones(len(paths), bool)
    found = [video for video in videos if (root / video).is_file()]
    if found and not there.all():
        missing = {
            int(frame): root / path
            for frame, path, is_there in zip(frames, paths, there, strict=True)
            if not is_there
        }
        extract_frames(root / found[0], missing, optional)
        in_video = np.array([_is_there(root / path) for path in paths], bool)
    elif optional:
        in_video = there
    elif not there.any():
        find_file(root, *videos, *(layout.format(number=numbers[0]) for layout in layouts))
    return np.array(paths, np.str_), in_video


def extract_frames(video: Path, paths: Mapping[int, Path], optional: bool = False) -> None:
    """Write frames of a video as JPEGs, atomically. Frames after its end are not written.

    Args:
        video: Anything that FFmpeg reads.
        paths: File to write for each frame, by the index of the frame, counting from 0.
        optional: Ignore damage.

    Raises:
        OSError: A file cannot be written.
        ValueError: The video cannot be opened, or ends earlier than its header says.
    """
    note_input(video)
    # One thread, because several processes read videos.
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else -1
        number, last = 0, max(paths)
        while number <= last and capture.grab():
            if number in paths:
                read, image = capture.retrieve()
                if not read:
                    break
                _write_jpeg(paths[number], image)
            number += 1
    finally:
        capture.release()
    if optional or number > last:
        return
    if announced < 0:
        raise ValueError(
            f'{video}: cannot be opened as a video; it is damaged or truncated. Download it again'
        )
    if number < 0.99 * announced - _TOLERANCE:
        raise ValueError(
            f'{video}: ends after {number} of {announced} frames; it is damaged or truncated. '
            'Download it again'
        )


def _is_there(path: Path) -> bool:
    """Return whether a frame is there; an empty file is what a full disk or a power failure leaves."""
    return path.is_file() and path.stat().st_size > 0


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    with atomic_write(path, fsync=False) as temporary:
        temporary.write_bytes(content)
