import cv2
import numpy as np
import pytest

from mmroi.apis.inference.video_file import FALLBACK_FPS, VideoFile


def read(path):
    video = cv2.VideoCapture(str(path))
    frames = []
    while (found := video.read())[0]:
        frames.append(found[1])
    return frames, video.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize(
    ('times', 'fps'),
    [([0.0, 0.1, 0.2], 10), ([0.0], FALLBACK_FPS), ([None, None], FALLBACK_FPS), ([1.0, 1.0], FALLBACK_FPS)],
)
def test_round_trip(tmp_path, times, fps):
    path = tmp_path / 'new' / 'clip.mp4'
    video = VideoFile(path)
    for i, time in enumerate(times):
        video.add(np.full((65, 97, 3), 60 * i + 30, np.uint8), time)
    video.close()
    frames, found = read(path)
    assert [round(float(frame.mean()) / 60 - 0.5) for frame in frames] == list(range(len(times)))
    assert frames[0].shape == (64, 96, 3) and found == pytest.approx(fps)


def test_nothing_to_write(tmp_path):
    VideoFile(tmp_path / 'clip.mp4').close()
    assert not (tmp_path / 'clip.mp4').exists()


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / 'clip.mp4').mkdir()
    video = VideoFile(tmp_path / 'clip.mp4')
    video.add(np.zeros((64, 64, 3), np.uint8), 0.0)
    with pytest.raises(OSError, match='cannot write the video .*clip.mp4'):
        video.add(np.zeros((64, 64, 3), np.uint8), 0.1)
