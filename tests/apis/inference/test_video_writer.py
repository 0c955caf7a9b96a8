import subprocess

import cv2
import numpy as np
import pytest

from mmroi.apis.inference import video_writer
from mmroi.apis.inference.video_writer import FALLBACK_FPS, VideoWriter, describe_videos, find_ffmpeg
from mmroi.fileio.atomic import WriteError

needs_ffmpeg = pytest.mark.skipif(find_ffmpeg() is None, reason='needs ffmpeg or imageio-ffmpeg')


@pytest.fixture(params=['ffmpeg', 'opencv'])
def encoder(request, monkeypatch):
    """Both ways to encode; without FFmpeg as on a machine that does not have it."""
    if request.param == 'opencv':
        monkeypatch.setattr(video_writer, 'find_ffmpeg', lambda: None)
        monkeypatch.setattr(video_writer, 'h264_encoder', lambda: None)
    elif find_ffmpeg() is None:
        pytest.skip('needs ffmpeg or imageio-ffmpeg')
    return request.param


def read(path):
    """Levels of gray of the frames, 0 to 3, frame rate, size, codec."""
    video = cv2.VideoCapture(str(path))
    frames = []
    while (found := video.read())[0]:
        frames.append(found[1])
    code = int(video.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, 'little').decode()
    levels = [round(float(frame.mean()) / 60 - 0.5) for frame in frames]
    return levels, video.get(cv2.CAP_PROP_FPS), frames[0].shape, code


def write(path, times, **options):
    video = VideoWriter(path, **options)
    for i, time in enumerate(times):
        video.add(np.full((65, 97, 3), 60 * (i % 4) + 30, np.uint8), time)
    video.close()


@pytest.mark.parametrize(
    ('times', 'fps'),
    [([0.0, 0.1, 0.2], 10), ([0.0], FALLBACK_FPS), ([None, None], FALLBACK_FPS), ([1.0, 1.0], FALLBACK_FPS)],
)
def test_round_trip(encoder, tmp_path, times, fps):
    path = tmp_path / 'neu' / 'Фильм 1.mp4'
    write(path, times)
    levels, found, shape, code = read(path)
    assert levels == list(range(len(times))) and shape == (64, 96, 3) and found == pytest.approx(fps)
    # codecs that browsers play
    assert code in (('h264', 'avc1') if encoder == 'ffmpeg' else ('VP90', 'vp09'))


def test_the_frame_rate_of_the_header_counts(encoder, tmp_path):
    fps = 30000 / 1001
    write(tmp_path / 'a.mp4', [round(i / fps, 3) for i in range(8)], fps=fps)
    levels, found, _, _ = read(tmp_path / 'a.mp4')
    assert levels == [0, 1, 2, 3] * 2 and found == pytest.approx(fps, rel=2e-6)  # 4 ms in half an hour
    write(tmp_path / 'b.mp4', [0.0, 0.1], fps=90000)  # the clock of a container
    assert read(tmp_path / 'b.mp4')[1] == pytest.approx(10)


def test_browsers_play_all_frames_in_the_right_time(encoder, browser, tmp_path):
    fps, count = 30000 / 1001, 45
    write(tmp_path / 'a.mp4', [i / fps for i in range(count)], fps=fps)
    (tmp_path / 'page.html').write_text('<video src="a.mp4" muted></video>')
    page = browser.new_page()
    page.goto((tmp_path / 'page.html').as_uri())
    codec = dict(ffmpeg='avc1.640028', opencv='vp09.00.10.08')[encoder]
    if not page.evaluate(
        '(kind) => document.querySelector("video").canPlayType(kind)', f'video/mp4; codecs="{codec}"'
    ):
        pytest.skip(f'this Chromium is built without {codec}')
    duration, frames = page.evaluate(
        """async () => {
          const video = document.querySelector('video');
          const ended = new Promise((done, fail) => Object.assign(video, {onended: done, onerror: fail}));
          await video.play();
          await ended;
          return [video.duration, video.getVideoPlaybackQuality().totalVideoFrames];
        }"""
    )
    page.close()
    assert duration == pytest.approx(count / fps, abs=1e-3) and frames == count


@pytest.mark.parametrize(
    ('times', 'levels'),
    [
        ([0, 0.1, 0.4, 0.5], [0, 1, 1, 1, 2, 3]),
        ([5, 5.1, 5.12, 5.2], [0, 1, 3]),
        ([0, 0.1, 1000, 1000.1], [0, 1, 2, 3]),
    ],
)
def test_irregular_times_stay_in_time(tmp_path, times, levels):
    """A gap, a frame too many, a damaged clock."""
    write(tmp_path / 'a.mp4', times, fps=10)
    assert read(tmp_path / 'a.mp4')[:2] == (levels, 10)


@pytest.fixture
def film(tmp_path):
    """Make a film of 2 s, with a tone unless ``sound=False``."""

    def make(name, sound=True):
        tone = ('-f', 'lavfi', '-i', 'sine=440:duration=2', '-c:a', 'aac') if sound else ()
        picture = ('-f', 'lavfi', '-i', 'color=red:size=64x64:rate=20:duration=2')
        command = [find_ffmpeg(), '-loglevel', 'error', *picture, *tone, tmp_path / name]
        subprocess.run([str(word) for word in command], check=True)
        return tmp_path / name

    return make


def sound_of(path, folder):
    """Samples of the sound at 8 kHz, empty if there is none."""
    raw = folder / 'sound.raw'
    command = [find_ffmpeg(), '-y', '-loglevel', 'error', '-i', path, '-vn', '-ac', '1', '-ar', '8000']
    done = subprocess.run([*map(str, command), '-f', 's16le', str(raw)], capture_output=True)
    return np.frombuffer(raw.read_bytes(), '<i2') if done.returncode == 0 else np.zeros(0)


@needs_ffmpeg
def test_sound_is_kept_up_to_the_last_frame(film, tmp_path):
    write(tmp_path / 'out.mp4', [i / 20 for i in range(20)], fps=20, sound=film('mit Ton.mp4'))
    levels, fps, _, code = read(tmp_path / 'out.mp4')
    assert (levels, fps) == ([0, 1, 2, 3] * 5, 20) and code in ('h264', 'avc1')
    samples = sound_of(tmp_path / 'out.mp4', tmp_path)
    assert len(samples) / 8000 == pytest.approx(1, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    assert spectrum.argmax() * 8000 / len(samples) == pytest.approx(440, abs=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['mit Ton.mp4', 'out.mp4', 'sound.raw']


@needs_ffmpeg
@pytest.mark.parametrize('kind', ['silent', 'broken', 'absent'])
def test_no_sound(film, tmp_path, kind):
    source = film('silent.mp4', sound=False) if kind == 'silent' else tmp_path / 'source.mp4'
    if kind == 'broken':
        source.write_bytes(b'no video')
    write(tmp_path / 'out.mp4', [0, 0.1], fps=10, sound=source)
    assert read(tmp_path / 'out.mp4')[0] == [0, 1] and len(sound_of(tmp_path / 'out.mp4', tmp_path)) == 0


def test_nothing_to_write(tmp_path):
    VideoWriter(tmp_path / 'clip.mp4').close()
    VideoWriter(tmp_path / 'clip.mp4', fps=25).close()
    assert not (tmp_path / 'clip.mp4').exists()


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / 'clip.mp4').mkdir()
    with pytest.raises(OSError, match='cannot write .*clip.mp4: it is a folder'):
        write(tmp_path / 'clip.mp4', [0.0, 0.1])


@needs_ffmpeg
def test_ffmpegs_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writer, '_QUALITY', dict.fromkeys(video_writer._QUALITY, ('-crf', 'x')))
    with pytest.raises(OSError, match=r'cannot write .*clip\.mp4: .*([Uu]ndefined|[Ee]rror|[Ii]nvalid)'):
        write(tmp_path / 'clip.mp4', [i / 10 for i in range(50)], fps=10)
    assert list(tmp_path.iterdir()) == []


def test_the_format_is_told(encoder):
    assert describe_videos().startswith(
        'H.264, with the sound' if encoder == 'ffmpeg' else 'VP9 without sound; '
    )


@pytest.mark.parametrize('old', [None, b'old'])
def test_a_full_disk_leaves_no_half_video(encoder, tmp_path, small_disk, old):
    path = tmp_path / 'clip.mp4'
    if old:
        path.write_bytes(old)
    noise = np.random.default_rng(0)
    with (
        small_disk(8192),
        pytest.raises(WriteError, match=rf'^cannot write {path}: .*; free space or choose'),
    ):
        video = VideoWriter(path, fps=10)
        try:
            for i in range(6):
                video.add(noise.integers(0, 256, (64, 96, 3), np.uint8), i / 10)
        finally:
            video.close()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([old] if old else [])


@needs_ffmpeg
def test_no_room_for_the_sound(film, tmp_path, monkeypatch):
    """The video is kept, and it is said that it has no sound."""
    run = subprocess.run

    def fail(command, **options):
        run(command, **options)
        return subprocess.CompletedProcess(command, 1, b'', b'No space left on device')

    source, said = film('tone.mp4'), []
    video_writer.h264_encoder()  # which it remembers
    monkeypatch.setattr(video_writer.subprocess, 'run', fail)
    monkeypatch.setattr(video_writer, 'print_log', lambda message, *_: said.append(message))
    write(tmp_path / 'out.mp4', [0, 0.1], fps=10, sound=source)
    assert read(tmp_path / 'out.mp4')[0] == [0, 1]
    assert said == [f'{tmp_path}/out.mp4 has no sound: No space left on device']


def test_frames_of_another_size_are_resized(encoder, tmp_path):
    video = VideoWriter(tmp_path / 'a.mp4', fps=10)
    for size in ((64, 96, 3), (32, 48, 3), (65, 97, 3)):
        video.add(np.full(size, 90, np.uint8), None)
    video.close()
    assert read(tmp_path / 'a.mp4') == ([1, 1, 1], 10, (64, 96, 3), read(tmp_path / 'a.mp4')[3])


def test_the_last_frame_is_shown_as_long_as_it_was(tmp_path):
    video = VideoWriter(tmp_path / 'a.mp4', fps=10)
    for level, time, duration in ((0, 0.0, 0.2), (1, 0.2, 0.1), (2, 0.3, 0.5)):
        video.add(np.full((64, 96, 3), 60 * level + 30, np.uint8), time, duration)
    video.close()
    assert read(tmp_path / 'a.mp4')[0] == [0, 0, 1, 2, 2, 2, 2, 2]
