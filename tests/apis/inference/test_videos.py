import struct
import subprocess
import weakref
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.apis.inference import videos
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.inputs import open_inputs
from mmroi.apis.inference.video_writer import VideoWriter, find_ffmpeg

from ...conftest import FUZZ_CASES

SIZE = (64, 48)  # width, height
COUNT = 30


def picture(i: int) -> np.ndarray:
    """Gray that brightens from frame to frame, red above left."""
    image = np.full((*SIZE[::-1], 3), 8 * i, np.uint8)
    image[:16, :16] = (0, 0, 255)
    return image


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(name: str) -> Path:
        code = 'MJPG' if name.endswith('AVI') else 'mp4v'
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*code), 25, SIZE)
        assert writer.isOpened()
        for i in range(COUNT):
            writer.write(picture(i))
        writer.release()
        return tmp_path / name

    return write


def frames_of(path: Path) -> tuple[list[Frame], list[str]]:
    found = list(open_inputs(path))
    frames = [item for item in found if isinstance(item, Frame)]
    problems = [item for item in found if isinstance(item, BadInput)]
    assert found == [*frames, *problems]
    assert all(problem.source == str(path) for problem in problems)
    return frames, [problem.reason for problem in problems]


@pytest.mark.parametrize('name', ['clip.mp4', 'clip.AVI', 'clip.mov'])
def test_all_frames_in_order(write: Callable[[str], Path], name: str) -> None:
    path = write(name)
    frames, problems = frames_of(path)
    assert len(frames) == len(open_inputs(path)) == COUNT and not problems
    for i, frame in enumerate(frames):
        assert (frame.index, frame.video, frame.source) == (i, 'clip', str(path))
        assert frame.name == f'clip_{i:06d}'
        assert frame.time == pytest.approx(i / 25)
        assert np.abs(frame.image.astype(int) - picture(i)).mean() < 8  # lossy


def test_frames_are_not_kept(write: Callable[[str], Path]) -> None:
    kept = [weakref.ref(frame.image) for frame in open_inputs(write('clip.mp4'))]
    assert sum(image() is not None for image in kept) <= 1 < len(kept)


def test_rotation_in_the_metadata(write: Callable[[str], Path]) -> None:
    path = write('phone.mp4')
    content = bytearray(path.read_bytes())
    # The matrix of the track header, behind version, times, layer and volume (ISO/IEC 14496-12, 8.3.2)
    matrix = content.index(b'tkhd') + 4 + 4 + 20 + 8 + 8
    assert content[matrix : matrix + 4] == struct.pack('>i', 0x10000)
    content[matrix : matrix + 36] = struct.pack(
        '>9i', 0, 0x10000, 0, -0x10000, 0, 0, SIZE[1] << 16, 0, 1 << 30
    )
    path.write_bytes(content)
    frames, problems = frames_of(path)
    assert len(frames) == COUNT and not problems
    assert frames[9].image.shape == (*SIZE, 3)
    turned = cv2.rotate(picture(9), cv2.ROTATE_90_CLOCKWISE)
    assert np.abs(frames[9].image.astype(int) - turned).mean() < 8


def test_broken_in_the_middle_keeps_what_came_before(write: Callable[[str], Path]) -> None:
    path = write('clip.AVI')
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    frames, (reason,) = frames_of(path)
    assert 1 < len(frames) < COUNT - 5
    for i, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - picture(i)).mean() < 8
    assert reason.startswith(f'breaks at frame {len(frames)} of {COUNT}; what came before is kept')


def test_damaged_packets(write: Callable[[str], Path]) -> None:
    path = write('clip.mp4')
    content = bytearray(path.read_bytes())
    start, end = content.index(b'mdat'), content.index(b'moov')
    content[(start + end) // 2 : end - 8] = bytes(end - 8 - (start + end) // 2)
    path.write_bytes(content)
    frames, (reason,) = frames_of(path)
    assert 5 < len(frames) < COUNT and f'at frame {len(frames)} of {COUNT}' in reason
    assert all(np.diff([frame.time for frame in frames]) > 0)


def test_no_videos(write: Callable[[str], Path], tmp_path: Path) -> None:
    cut = write('cut.mp4')
    cut.write_bytes(cut.read_bytes()[:1000])  # the index of an MP4 is at its end
    (tmp_path / 'text.mkv').write_text('no video')
    (tmp_path / 'zero.mp4').touch()
    cv2.imwrite(str(tmp_path / 'photo.png'), picture(0))
    inputs = open_inputs(tmp_path)
    assert inputs.num_frames is None
    with pytest.raises(TypeError, match='unknown'):
        len(inputs)
    found = [str(item) if isinstance(item, BadInput) else item.name for item in inputs]
    undecodable = 'cannot be decoded as a video; convert it to MP4 (H.264)'
    assert found == [
        f'{tmp_path}/cut.mp4 {undecodable}',
        'photo',
        f'{tmp_path}/text.mkv {undecodable}',
        f'{tmp_path}/zero.mp4 is empty (0 bytes); copy or download it again',
    ]


def test_names_of_frames_are_those_of_no_photo(write: Callable[[str], Path], tmp_path: Path) -> None:
    video = write('clip.mp4')
    for name in ('clip_000003.png', 'clip.png', 'clip_1.png'):
        cv2.imwrite(str(tmp_path / name), picture(0))
    photos = [tmp_path / name for name in ('clip_000003.png', 'clip.png', 'clip_1.png')]
    for order in ([video, *photos], [*photos, video]):
        names = [frame.name for frame in open_inputs(order)]
        assert len({name.casefold() for name in names}) == COUNT + 3


def test_webcam(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands for the camera, whose plug is pulled at its end."""
    path, capture = str(write('clip.AVI')), cv2.VideoCapture
    monkeypatch.setattr(videos.cv2, 'VideoCapture', lambda index: capture({3: path}[index]))
    inputs = open_inputs(3)
    assert inputs.num_frames is None
    *frames, end = inputs
    assert [frame.name for frame in frames] == [f'webcam_3_{i:06d}' for i in range(COUNT)]
    assert {(frame.source, frame.video) for frame in frames} == {('webcam 3', 'webcam_3')}
    assert all(frame.fps > 0 and not frame.has_sound for frame in frames)
    assert all(np.diff([0.0, *(frame.time for frame in frames)]) > 0)
    assert str(end) == f'webcam 3 stopped after frame {COUNT}; check that it is connected'


def test_absent_webcam() -> None:
    with pytest.raises(BadInputError, match='webcam 97 cannot be opened; check that it is connected'):
        open_inputs(97)


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Make a film of 64 x 48 with a filter of FFmpeg."""

    def make(filters: str, rate: int = 10, seconds: float = 1) -> Path:
        if (ffmpeg := find_ffmpeg()) is None:
            pytest.skip('needs ffmpeg or imageio-ffmpeg')
        source = ('-f', 'lavfi', '-i', f'testsrc=size=64x48:rate={rate}:duration={seconds}')
        options = ('-vf', filters, '-fps_mode', 'passthrough', '-enc_time_base', '1/1000')
        command = [ffmpeg, '-loglevel', 'error', *source, *options, tmp_path / 'film.mp4']
        subprocess.run([str(word) for word in command], check=True)
        return tmp_path / 'film.mp4'

    return make


@pytest.mark.parametrize(
    ('aspect', 'shape'), [('2/1', (48, 128)), ('1/2', (96, 64)), ('1/1', (48, 64)), ('100/1', (48, 64))]
)
def test_pixels_are_made_square(film: Callable[..., Path], aspect: str, shape: tuple[int, int]) -> None:
    frames, problems = frames_of(film(f'setsar={aspect}'))
    assert len(frames) == 10 and not problems
    assert {frame.image.shape[:2] for frame in frames} == {shape}


def test_a_variable_frame_rate_keeps_its_time(film: Callable[..., Path], tmp_path: Path) -> None:
    frames, problems = frames_of(film('setpts=N*N/10/TB'))
    assert not problems
    times = [frame.time for frame in frames]  # FFmpeg moves the last one a little
    assert times == pytest.approx([i * i / 10 for i in range(10)], abs=0.11)
    assert times[:9] == pytest.approx([i * i / 10 for i in range(9)], abs=2e-3)
    writer = VideoWriter(tmp_path / 'out.mp4', frames[0].fps)
    for frame in frames:
        writer.add(frame.image, frame.time, frame.duration)
    writer.close()
    video = cv2.VideoCapture(str(tmp_path / 'out.mp4'))
    seconds = video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS)
    assert seconds == pytest.approx(8.1, abs=2 / video.get(cv2.CAP_PROP_FPS) + 0.3)


def test_damaged_videos_are_read_or_named(write: Callable[[str], Path], mutate: Callable) -> None:
    path = write('clip.mp4')
    content = path.read_bytes()
    for seed in range(FUZZ_CASES):
        path.write_bytes(mutate(content, seed))
        for item in open_inputs(path):
            if isinstance(item, BadInput):
                assert item.source == str(path) and item.reason
            else:
                assert np.isfinite(item.time) and item.image.size
