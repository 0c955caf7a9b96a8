import cv2
import numpy as np
import pytest
from PIL import Image, features

from mmroi.apis.inference import inputs
from mmroi.apis.inference.frames import BadInput
from mmroi.apis.inference.inputs import open_inputs
from mmroi.apis.inference.video_writer import VideoWriter

SIZE = (40, 30)  # width, height
DURATIONS = (100, 500, 200)  # ms


def picture(level):
    return Image.new('RGB', SIZE, (level, level // 2, 0))


@pytest.fixture
def animate(tmp_path):
    def make(name, durations=DURATIONS, **options):
        first, *others = (picture(60 * i + 30) for i in range(len(durations)))
        first.save(tmp_path / name, save_all=True, append_images=others, duration=list(durations), **options)
        return tmp_path / name

    return make


@pytest.mark.parametrize('name', ['a.gif', 'a.webp'])
def test_an_animation_is_a_video(animate, name):
    if name == 'a.webp' and not features.check('webp'):
        pytest.skip('Pillow without WebP')
    path = animate(name)
    for given, source in ((path, str(path)), (path.read_bytes(), 'bytes')):
        inputs = open_inputs(given)
        frames = list(inputs)
        video = 'a' if given is path else 'bytes'
        assert inputs.num_frames == 3 and [frame.index for frame in frames] == [0, 1, 2]
        assert [frame.name for frame in frames] == [f'{video}_{i:06d}' for i in range(3)]
        assert {(frame.video, frame.source, frame.fps, frame.has_sound) for frame in frames} == {
            (video, source, 10.0, False)
        }
        assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.6])
        assert [frame.duration for frame in frames] == pytest.approx([0.1, 0.5, 0.2])
        for i, frame in enumerate(frames):
            level = 60 * i + 30
            assert frame.image.shape == (*SIZE[::-1], 3)
            assert np.abs(frame.image.mean((0, 1)) - (0, level // 2, level)).max() < 6


def test_a_drawn_animation_lasts_as_long(animate, tmp_path):
    writer = VideoWriter(tmp_path / 'out.mp4', next(iter(open_inputs(animate('a.gif')))).fps)
    for frame in open_inputs(tmp_path / 'a.gif'):
        writer.add(frame.image, frame.time, frame.duration)
    writer.close()
    video = cv2.VideoCapture(str(tmp_path / 'out.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS) == pytest.approx(0.8)


def test_times_that_browsers_do_not_believe(animate):
    frames = list(open_inputs(animate('a.gif', (0, 10, 40))))
    assert [frame.duration for frame in frames] == pytest.approx([0.1, 0.1, 0.04]) and frames[0].fps == 25


def test_a_still_image_is_a_photo(tmp_path):
    for name in ('a.gif', 'a.png'):
        picture(90).save(tmp_path / name)
        (frame,) = open_inputs(tmp_path / name)
        assert frame.video is None and frame.time is None


def test_an_animation_that_breaks_off(animate, tmp_path):
    noise = [
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (60, 80, 3), np.uint8)) for i in range(4)
    ]
    path = tmp_path / 'a.gif'
    noise[0].save(path, save_all=True, append_images=noise[1:], duration=100)
    content = path.read_bytes()
    path.write_bytes(content[: int(0.8 * len(content))])
    *frames, end = open_inputs(path)
    assert 1 <= len(frames) < 4 and isinstance(end, BadInput)
    assert str(end).startswith(f'{path} breaks at frame {len(frames)} of ') and 'is kept' in str(end)


def test_no_image(tmp_path):
    (tmp_path / 'a.gif').write_bytes(b'GIF89a')
    (tmp_path / 'b.webp').touch()
    assert all(isinstance(item, BadInput) for item in open_inputs(tmp_path))


def test_an_animated_png_is_a_video(animate):
    frames = list(open_inputs(animate('a.png')))
    assert [frame.name for frame in frames] == [f'a_{i:06d}' for i in range(3)]
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.1, 0.6])


def test_of_pages_the_first_is_used_and_said(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(inputs, 'print_log', lambda words, *_: said.append(words))
    picture(30).save(tmp_path / 'a.tif', save_all=True, append_images=[picture(90)])
    (frame,) = open_inputs(tmp_path / 'a.tif')
    assert frame.video is None and frame.image[0, 0, 2] == 30
    assert said == [f'{tmp_path / "a.tif"} has 2 pages, of which the first is used']
