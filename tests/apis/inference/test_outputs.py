import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from mmroi.apis.inference import SAVES, Frame, FrameResult, ResultWriter, outputs
from mmroi.apis.inference.outputs import _EvenlySpread


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


def test_everything_of_a_photo(tmp_path, make_result, photo, body):
    result = make_result(Frame(photo, 'a.b', 'x/a.b.jpg'))
    with ResultWriter(tmp_path / 'new' / 'out', body, SAVES) as writer:
        writer.write(result)
    out = tmp_path / 'new' / 'out'
    assert files(out) == sorted(
        [
            'overlays/a.b.jpg',
            'keypoints/a.b.jpg',
            'views/a.b.jpg',
            'viewer.html',
            'meshes/a.b.glb',
            'meshes/a.b.obj',
            'meshes/a.b.ply',
            'predictions/a.b.json',
            'predictions/a.b.npz',
            'coco/images.json',
            'coco/keypoints.json',
            *(f'animations/a.b_person_{i}.{kind}' for i in (0, 1) for kind in ('bvh', 'glb', 'npz')),
            *(f for f in files(out) if f.endswith('.mtl')),
        ]
    )
    assert len(json.loads((out / 'predictions/a.b.json').read_text())['people']) == 2
    with np.load(out / 'predictions/a.b.npz', allow_pickle=False) as arrays:
        np.testing.assert_allclose(
            arrays['vertices'] + arrays['camera_translation'][:, None], result.vertices
        )
    scene = trimesh.load(out / 'meshes/a.b.glb')
    assert set(scene.graph.nodes_geometry) == {'person_0', 'person_1'}
    assert cv2.imread(str(out / 'overlays/a.b.jpg')).shape == photo.shape


def test_without_trimesh(tmp_path, make_result, photo, body, monkeypatch):
    """It is optional: nothing fails by default, and what was asked for fails before the network runs."""
    monkeypatch.setattr(outputs, 'find_spec', lambda name: None if name == 'trimesh' else name)
    monkeypatch.setattr(outputs, 'save_meshes', lambda *_, **__: pytest.fail('needs trimesh'))
    with ResultWriter(tmp_path / 'default', body) as writer:
        writer.write(make_result(Frame(photo, 'a', 'a.jpg')))
    assert files(tmp_path / 'default') == [
        'overlays/a.jpg',
        'predictions/a.json',
        'viewer.html',
        'views/a.jpg',
    ]
    with pytest.raises(ValueError, match=r"save: glb and obj need trimesh: pip install 'mmroi\[vis\]'"):
        ResultWriter(tmp_path / 'asked', body, ['json', 'obj', 'glb', 'ply'])
    assert not (tmp_path / 'asked').exists()


def test_nobody_is_written_down_but_not_drawn(tmp_path, photo, body):
    with ResultWriter(tmp_path, body, SAVES) as writer:
        writer.write(FrameResult(Frame(photo, 'a', 'a.jpg'), []))
    assert files(tmp_path) == [
        'coco/images.json',
        'coco/keypoints.json',
        'keypoints/a.jpg',
        'overlays/a.jpg',
        'predictions/a.json',
        'predictions/a.npz',
    ]


def test_videos_get_one_file_of_overlays_each(tmp_path, make_result, photo, body):
    with ResultWriter(tmp_path, body) as writer:
        for video in ('one', 'two'):
            for i in range(3):
                writer.write(make_result(Frame(photo, f'{video}_{i}', f'{video}.avi', i, video, i / 8)))
        writer.write(make_result(Frame(photo, 'photo', 'photo.jpg')))
    names = files(tmp_path)
    assert [name for name in names if not name.startswith('predictions')] == [
        'meshes/photo.glb',
        'overlays/one.mp4',
        'overlays/photo.jpg',
        'overlays/two.mp4',
        'viewer.html',
        'views/photo.jpg',
    ]
    assert len(names) == 6 + 7
    video = cv2.VideoCapture(str(tmp_path / 'overlays/two.mp4'))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (3, 8)


def test_what_was_done_before_a_break_is_kept(tmp_path, make_result, photo, body):
    with pytest.raises(KeyboardInterrupt), ResultWriter(tmp_path, body) as writer:
        for i in range(3):
            writer.write(make_result(Frame(photo, f'v_{i}', 'v.avi', i, 'v', i / 8)))
        raise KeyboardInterrupt
    predictions = [f'predictions/v_{i}.json' for i in range(3)]
    assert files(tmp_path) == ['overlays/v.mp4', *predictions, 'viewer.html']
    assert cv2.VideoCapture(str(tmp_path / 'overlays/v.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_huge_photos_are_drawn_smaller(tmp_path, make_result, body):
    with ResultWriter(tmp_path, body, ['overlay']) as writer:
        writer.write(make_result(Frame(np.zeros((1500, 3000, 3), np.uint8), 'a', 'a.jpg')))
    assert cv2.imread(str(tmp_path / 'overlays/a.jpg')).shape == (960, 1920, 3)


@pytest.mark.parametrize(
    ('limit', 'number', 'kept'),
    [
        (4, 3, [0, 1, 2]),
        (4, 4, [0, 1, 2, 3]),
        (4, 5, [0, 2, 4]),
        (4, 9, [0, 4, 8]),
        (3, 5, [0, 2, 4]),
        (3, 7, [0, 4]),
        (1, 9, [0]),
    ],
)
def test_the_viewer_shows_a_bounded_even_choice(limit, number, kept):
    spread = _EvenlySpread(limit)
    for i in range(number):
        spread.offer(lambda i=i: i)
    assert spread.kept == kept and spread.offered == number


def test_bad_arguments(tmp_path, body):
    with pytest.raises(ValueError, match='unknown fbx; choose from json, npz'):
        ResultWriter(tmp_path, body, ['json', 'fbx'])
    with pytest.raises(ValueError, match='viewer_frames must be positive, not 0'):
        ResultWriter(tmp_path, body, viewer_frames=0)
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        ResultWriter(tmp_path / 'file', body)


def test_two_kinds_of_videos_at_a_time(tmp_path, make_result, photo, body):
    with ResultWriter(tmp_path, body, ['overlay', 'keypoints']) as writer:
        for video in ('one', 'two'):
            for i in range(3):
                writer.write(make_result(Frame(photo, f'{video}_{i}', f'{video}.avi', i, video, i / 8)))
    assert files(tmp_path) == [
        f'{kind}/{video}.mp4' for kind in ('keypoints', 'overlays') for video in ('one', 'two')
    ]
    for name in files(tmp_path):
        assert cv2.VideoCapture(str(tmp_path / name)).get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_sound_comes_from_video_files(tmp_path, make_result, photo, body, monkeypatch):
    class Recorder(outputs.VideoWriter):
        def __init__(self, path, fps, sound):
            asked[path.stem] = fps, sound
            super().__init__(path, fps, sound)

    asked = {}
    monkeypatch.setattr(outputs, 'VideoWriter', Recorder)
    with ResultWriter(tmp_path, body, ['overlay']) as writer:
        writer.write(make_result(Frame(photo, 'a', 'clip.mov', 0, 'a', 0, fps=24, has_sound=True)))
        writer.write(make_result(Frame(photo, 'b', 'b_1.png', 0, 'b', 0, fps=8)))
        writer.write(make_result(Frame(photo, 'c', 'webcam 0', 0, 'c', 0)))
    assert asked == {'a': (24, Path('clip.mov')), 'b': (8, None), 'c': (None, None)}
