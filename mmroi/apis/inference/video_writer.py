"""Write annotated videos that browsers play, with the sound of the original."""

import subprocess
import tempfile
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import IO, Protocol

import cv2
import numpy as np

from mmroi.fileio.atomic import atomic_write

FALLBACK_FPS = 25.0  # with one frame or unknown times
_RATES = (1.0, 240.0)  # plausible in a header: some containers state the rate of their clock
_LONGEST_STILL = 10.0  # seconds; longer jumps of the time are damage
_H264 = ('libx264', 'libopenh264')
_QUALITY = {'libx264': ('-preset', 'veryfast', '-crf', '20'), 'libopenh264': ('-b:v', '6M')}
# HD's colors, which players assume for large videos, stated for small ones, too.
_COLORS = (
    *('-vf', 'scale=out_color_matrix=bt709:out_range=tv', '-pix_fmt', 'yuv420p'),
    *('-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'),
)
# Codecs of OpenCV's own writer: VP9, which its wheels have and browsers play, then what every build has.
_FOURCCS = ('vp09', 'mp4v')


class VideoWriter:
    """Writes an MP4 file of constant frame rate; the file appears when it is closed.

    FFmpeg, if there is one (``find_ffmpeg``), encodes H.264 and adds sound; else OpenCV encodes VP9, which
    browsers play, too, without sound. Where the times of the frames are irregular, frames are repeated or
    left out, so that the video stays in time with the sound.

    Args:
        path: The file, ending in ``.mp4``; its folder is created.
        fps: Frames per second; by default from the times of the first two frames.
        sound: Video to take the sound from, up to the end of the written frames.
    """

    def __init__(self, path: Path, fps: float | None = None, sound: Path | None = None) -> None:
        self.path = path
        self._fps = fps if fps and _RATES[0] <= fps <= _RATES[1] else None
        self._sound = sound
        self._files = ExitStack()
        self._temporary: Path | None = None
        self._encoder: _Encoder | None = None
        self._waiting: tuple[np.ndarray, float | None] | None = None
        self._last: np.ndarray | None = None
        self._timed = True  # whether times of frames are known
        self._start = 0.0  # time of the first frame, seconds
        self._count = 0  # of written frames

    def add(self, image: np.ndarray, time: float | None) -> None:
        """Add a frame; all frames must have the size of the first.

        Args:
            image: (H, W, 3) BGR uint8.
            time: Seconds; None to follow the last frame.

        Raises:
            OSError: If the file cannot be written.
        """
        if self._encoder is None and self._fps is None and self._waiting is None:
            self._waiting = image, time
            return
        if self._encoder is None:
            first, first_time = self._waiting or (image, time)
            self._open(first, first_time, time)
            if self._waiting:
                self._place(first, first_time)
        self._place(image, time)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OSError: If it cannot be written.
        """
        if self._encoder is None and self._waiting:
            self._open(*self._waiting, None)
            self._place(*self._waiting)
        with self._files:
            if self._encoder is None:
                return
            encoder, self._encoder = self._encoder, None
            encoder.close()
            if self._sound and self._fps and self._temporary:
                _add_sound(self._temporary, self._sound, self._count / self._fps)

    def _open(self, image: np.ndarray, time: float | None, next_time: float | None) -> None:
        if self._fps is None:
            known = time is not None and next_time is not None and next_time > time
            self._fps = 1 / (next_time - time) if known else FALLBACK_FPS  # type: ignore[operator]
            self._timed = known
        self._start = time or 0.0
        height, width = _even(image).shape[:2]
        if self.path.is_dir():
            raise OSError(f'cannot write the video {self.path}: it is a folder')
        with ExitStack() as files:
            self._temporary = files.enter_context(atomic_write(self.path))
            codec = h264_encoder()
            make = _FFmpegEncoder if codec else _OpenCVEncoder
            self._encoder = make(self._temporary, self._fps, (width, height))
            self._files = files.pop_all()

    def _place(self, image: np.ndarray, time: float | None) -> None:
        """Write a frame at its time: repeat the last one up to there, or leave this one out."""
        assert self._encoder is not None and self._fps is not None
        timed = self._timed and time is not None
        place = round((time - self._start) * self._fps) if timed else self._count  # type: ignore[operator]
        if place - self._count > _LONGEST_STILL * self._fps:
            self._start += (place - self._count) / self._fps
            place = self._count
        if self._count and place < self._count and self._last is not None:
            return
        if self._last is not None:
            for _ in range(place - self._count):
                self._write(self._last)
        self._last = _even(image)
        self._write(self._last)

    def _write(self, image: np.ndarray) -> None:
        assert self._encoder is not None
        self._encoder.write(image)
        self._count += 1


def describe_videos() -> str:
    """Say in which format videos are written on this machine, and how to get a better one."""
    if h264_encoder():
        return 'H.264 with sound'
    return "VP9 without sound; install ffmpeg, or pip install 'mmroi[video]', for H.264 with sound"


@lru_cache
def find_ffmpeg() -> str | None:
    """Find the program FFmpeg: on the search path, else that of the package ``imageio-ffmpeg``."""
    if found := which('ffmpeg'):
        return found
    try:
        import imageio_ffmpeg  # optional

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # not installed, or without a program for this platform
        return None


@lru_cache
def h264_encoder() -> str | None:
    """Return the name of FFmpeg's encoder for H.264; None without FFmpeg or encoder."""
    if (ffmpeg := find_ffmpeg()) is None:
        return None
    listed = subprocess.run(
        [ffmpeg, '-hide_banner', '-encoders'], capture_output=True, text=True, check=False
    )
    return next((name for name in _H264 if f' {name} ' in listed.stdout), None)


class _Encoder(Protocol):
    def write(self, image: np.ndarray) -> None: ...

    def close(self) -> None: ...


class _FFmpegEncoder:
    """Pipes frames to FFmpeg."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        codec = h264_encoder()
        assert codec
        self._path = path
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        pixels = ('-f', 'rawvideo', '-pix_fmt', 'bgr24', '-s', f'{size[0]}x{size[1]}', '-r', f'{fps:.6f}')
        arguments = (*pixels, '-i', 'pipe:0', '-c:v', codec, *_QUALITY[codec], *_COLORS)
        self._process = subprocess.Popen(
            _ffmpeg(*arguments, '-movflags', '+faststart', path),
            stdin=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C ends the run, not the file
        )

    def write(self, image: np.ndarray) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(image.data)
        except OSError as error:
            raise self._failure() from error

    def close(self) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.close()
        except OSError:
            pass  # it has ended early, and says so below
        if self._process.wait():
            raise self._failure()
        self._errors.close()

    def _failure(self) -> OSError:
        self._process.wait()
        self._errors.seek(0)
        reason = self._errors.read().decode(errors='replace').strip().splitlines() or ['no reason given']
        return OSError(f'cannot write the video {self._path.name}: {reason[-1]}')


class _OpenCVEncoder:
    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        for name in _FOURCCS:
            self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*name), fps, size)
            if self._writer.isOpened():
                return
        raise OSError(f'cannot write the video {path.name}: OpenCV has no encoder for MP4')

    def write(self, image: np.ndarray) -> None:
        self._writer.write(image)

    def close(self) -> None:
        self._writer.release()


def _add_sound(path: Path, source: Path, seconds: float) -> None:
    """Add the sound of a video to the file if FFmpeg is there and finds one that it can read."""
    if find_ffmpeg() is None:
        return
    mixed = path.with_name(f'sound_{path.name}')
    streams = ('-map', '0:v:0', '-map', '1:a:0?', '-c:v', 'copy', '-c:a', 'aac', '-b:a', '160k')
    limits = ('-t', f'{seconds:.6f}', '-movflags', '+faststart')
    done = subprocess.run(
        _ffmpeg('-i', path, '-i', source, *streams, *limits, mixed), stderr=subprocess.DEVNULL, check=False
    )
    if done.returncode == 0 and mixed.is_file():
        mixed.replace(path)


def _ffmpeg(*arguments: str | Path) -> list[str]:
    # A file whose name looks like an option or a protocol is still a file.
    words = [f'file:{word.resolve()}' if isinstance(word, Path) else word for word in arguments]
    return [str(find_ffmpeg()), '-y', '-nostdin', '-loglevel', 'error', *words]


def _even(image: np.ndarray) -> np.ndarray:
    """Crop the last row or column if the size is odd: players require even sizes."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[: height - height % 2 or 1, : width - width % 2 or 1])
