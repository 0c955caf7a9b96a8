"""Write annotated videos that browsers play, with the sound of the original."""

import errno
import logging
import subprocess
import tempfile
from contextlib import ExitStack
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import IO, Protocol

import cv2
import numpy as np
from mmengine.logging import print_log

from mmroi.fileio.atomic import atomic_write, write_error

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
        self._duration: float | None = None  # of the last frame, seconds
        self._start = 0.0  # time of the first frame, seconds
        self._count = 0  # of written frames

    def add(self, image: np.ndarray, time: float | None, duration: float | None = None) -> None:
        """Add a frame; frames of another size than the first are resized to it.

        Args:
            image: (H, W, 3) BGR uint8.
            time: Seconds; None to follow the last frame.
            duration: Seconds for which it is shown if it turns out to be the last one; None for one frame.

        Raises:
            OSError: If the file cannot be written.
        """
        self._duration = duration
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
            OSError: If it cannot be written, as on a full disk; nothing is left of it.
        """
        if self._encoder is None and self._waiting:
            self._open(*self._waiting, None)
            self._place(*self._waiting)
        with self._files:
            if self._encoder is None:
                return
            assert self._temporary and self._fps
            if self._duration and self._last is not None:
                for _ in range(round(min(self._duration, _LONGEST_STILL) * self._fps) - 1):
                    self._write(self._last)
            encoder, self._encoder = self._encoder, None
            encoder.close()
            self._check(self._temporary)
            if self._sound:
                self._add_sound(self._temporary, self._sound)

    def _check(self, path: Path) -> None:
        """Check that the frames arrived in the file: encoders need not say that a disk is full."""
        capture = cv2.VideoCapture(str(path))
        try:
            found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        finally:
            capture.release()
        if found != self._count:
            reason = f'{found} of {self._count} frames arrived in it, so the disk may be full'
            raise write_error(self.path, None, reason)

    def _add_sound(self, path: Path, source: Path) -> None:
        """Add the sound of a video to the file if FFmpeg is there and finds one that it can read."""
        if find_ffmpeg() is None or not self._fps:
            return
        mixed = path.with_name(f'sound_{path.name}')
        streams = ('-map', '0:v:0', '-map', '1:a:0?', '-c:v', 'copy', '-c:a', 'aac', '-b:a', '160k')
        limits = ('-t', f'{self._count / self._fps:.6f}', '-movflags', '+faststart')
        command = _ffmpeg('-i', path, '-i', source, *streams, *limits, mixed)
        done = subprocess.run(command, capture_output=True, check=False)
        try:
            if done.returncode:
                raise OSError(_last_words(done.stderr, done.returncode))
            self._check(mixed)
        except OSError as error:
            print_log(f'{self.path} has no sound: {error}', 'current', logging.WARNING)
            return
        mixed.replace(path)

    def _open(self, image: np.ndarray, time: float | None, next_time: float | None) -> None:
        if self._fps is None:
            known = time is not None and next_time is not None and next_time > time
            self._fps = 1 / (next_time - time) if known else FALLBACK_FPS  # type: ignore[operator]
            self._timed = known
        self._start = time or 0.0
        height, width = _even(image).shape[:2]
        if self.path.is_dir():
            raise write_error(self.path, errno.EISDIR, 'it is a folder')
        with ExitStack() as files:
            self._temporary = files.enter_context(atomic_write(self.path))
            codec = h264_encoder()
            make = _FFmpegEncoder if codec else _OpenCVEncoder
            self._encoder = make(self._temporary, self.path, self._fps, (width, height))
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
        if self._last is not None and _even(image).shape != self._last.shape:
            image = cv2.resize(image, self._last.shape[1::-1])
        self._last = _even(image)
        self._write(self._last)

    def _write(self, image: np.ndarray) -> None:
        assert self._encoder is not None
        self._encoder.write(image)
        self._count += 1


def describe_videos() -> str:
    """Say in which format videos are written on this machine, and how to get a better one."""
    if h264_encoder():
        return 'H.264, with the sound of the originals'
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

    def __init__(self, path: Path, final: Path, fps: float, size: tuple[int, int]) -> None:
        codec = h264_encoder()
        assert codec
        self._final = final
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        rate = Fraction(fps).limit_denominator(1001)  # 30000/1001 and its like exactly
        pixels = ('-f', 'rawvideo', '-pix_fmt', 'bgr24', '-s', f'{size[0]}x{size[1]}', '-r', str(rate))
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
        code = self._process.wait()
        self._errors.seek(0)
        return write_error(self._final, None, _last_words(self._errors.read(), code))


class _OpenCVEncoder:
    def __init__(self, path: Path, final: Path, fps: float, size: tuple[int, int]) -> None:
        for name in _FOURCCS:
            self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*name), fps, size)
            if self._writer.isOpened():
                return
        raise write_error(final, None, 'OpenCV has no encoder for MP4, or the disk is full')

    def write(self, image: np.ndarray) -> None:
        self._writer.write(image)

    def close(self) -> None:
        self._writer.release()


def _last_words(errors: bytes, code: int) -> str:
    """Return the reason for which FFmpeg ended."""
    lines = errors.decode(errors='replace').strip().splitlines()
    ended = f'FFmpeg was ended by signal {-code}' if code < 0 else f'FFmpeg ended with status {code}'
    return lines[-1] if lines else f'{ended}; the disk may be full'


def _ffmpeg(*arguments: str | Path) -> list[str]:
    # A file whose name looks like an option or a protocol is still a file.
    words = [f'file:{word.resolve()}' if isinstance(word, Path) else word for word in arguments]
    return [str(find_ffmpeg()), '-y', '-nostdin', '-loglevel', 'error', *words]


def _even(image: np.ndarray) -> np.ndarray:
    """Crop the last row or column if the size is odd: players require even sizes."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[: height - height % 2 or 1, : width - width % 2 or 1])
