import base64
import json
import re

import numpy as np
import pytest
import torch

from mmroi.apis.inference import Frame, FrameResult, ResultWriter, motions
from mmroi.apis.inference.motions import frame_rate
from mmroi.visualization.animation import JOINT_NAMES

BOXES = (0.0, 0.0, 120.0), (-60.0, 10.0, 90.0), (60.0, 0.0, 80.0)
MOTIONS = ['anim', 'bvh', 'smpl']


def files(folder):
    return sorted(path.name for path in folder.rglob('*') if path.is_file())


def read_glb(path):
    content = path.read_bytes()
    return json.loads(content[20 : 20 + int.from_bytes(content[12:16], 'little')])


def read_page(path):
    """Sequences of a page of the viewer."""
    pattern = r'<script type="application/json" class="sequence" data-name="[^"]*">(.*?)</script>'
    return [json.loads(found) for found in re.findall(pattern, path.read_text(encoding='utf-8'))]


@pytest.fixture
def write(tmp_path, make_result, photo, body):
    """write(video, [ids of frame 0, ids of frame 1, ...], fps) writes the motions of a video."""

    def make(video, people, fps=10.0, kinds=MOTIONS):
        with ResultWriter(tmp_path, body, kinds) as writer:
            for i, ids in enumerate(people):
                frame = Frame(photo, f'{video}_{i}', 'v', i, video, i / 10, fps=fps)
                result = make_result(frame, BOXES)
                for sample in result.samples:
                    sample.pred_instances.camera_translation += torch.tensor([0.1 * i, 0, 0])
                samples = [result.samples[number] for number in ids]
                writer.write(FrameResult(result.frame, samples))
        return tmp_path / 'animations'

    return make


def test_a_file_of_each_kind_for_each_person_of_a_video(write):
    out = write('v.1', [[0, 1], [0, 1], [1]])
    assert files(out) == [f'v.1_person_{i}.{suffix}' for i in (0, 1) for suffix in ('bvh', 'glb', 'npz')]
    first, second = (np.load(out / f'v.1_person_{i}.npz') for i in (0, 1))
    assert (len(first['poses']), len(second['poses'])) == (2, 3)
    np.testing.assert_allclose(np.diff(second['trans'], axis=0), [[0.1, 0, 0]] * 2, atol=1e-6)
    assert first['mocap_framerate'] == 10
    glb = read_glb(out / 'v.1_person_1.glb')
    assert glb['nodes'][0]['name'] == 'person_1' and glb['extras']['name'] == 'v.1_person_1'
    assert (out / 'v.1_person_0.bvh').read_text().split()[1:3] == ['ROOT', JOINT_NAMES[0]]


def test_who_is_lost_for_a_moment_is_interpolated_and_longer_starts_another_file(write):
    out = write('v', [[0], [0], [], [], [0], *[[]] * 6, [0], [0]], kinds=['anim'])
    assert files(out) == ['v_person_0.glb', 'v_person_0_part_2.glb']
    first, second = (read_glb(out / name)['extras'] for name in files(out))
    assert (first['frames'], first['interpolated']) == (5, [2, 3])
    assert (second['frames'], second['interpolated']) == (2, [])


def test_one_frame_and_names_that_are_not_ascii(write):
    out = write('Ёлка 舞', [[0]], kinds=MOTIONS)
    assert files(out) == [f'Ёлка 舞_person_0.{suffix}' for suffix in ('bvh', 'glb', 'npz')]
    assert read_glb(out / 'Ёлка 舞_person_0.glb')['animations'][0]['name'] == 'Ёлка 舞_person_0'
    assert 'Frames: 1\n' in (out / 'Ёлка 舞_person_0.bvh').read_text()


def test_photos_are_poses_of_one_frame(tmp_path, make_result, photo, body):
    with ResultWriter(tmp_path, body, ['smpl']) as writer:
        for name in ('a', 'b'):
            writer.write(make_result(Frame(photo, name, f'{name}.jpg')))
    assert files(tmp_path) == [f'{name}_person_{i}.npz' for name in 'ab' for i in (0, 1)]
    assert np.load(tmp_path / 'animations/b_person_1.npz')['poses'].shape == (1, 156)


def test_nobody_and_several_videos(write):
    assert files(write('nobody', [[], []])) == []
    write('one', [[0]], kinds=['bvh'])
    assert files(write('two', [[1]], kinds=['bvh'])) == ['one_person_0.bvh', 'two_person_1.bvh']


def test_the_viewer_plays_who_moves(write, monkeypatch):
    """Three people: one for five frames, one for one, one for two."""
    frames = [[0, 1], [0, 2], [0, 2], [0], [0]]
    page = read_page(write('v', frames, kinds=['viewer']).parent / 'viewer.html')
    (sequence,) = page
    assert (sequence['name'], sequence['fps']) == ('v', 10)
    assert [(clip['id'], clip['start'], clip['end']) for clip in sequence['clips']] == [
        (0, 0, 0.4),
        (2, 0.1, 0.2),
    ]
    assert base64.b64decode(sequence['clips'][0]['glb'])[:4] == b'glTF'
    assert files(write('still', [[0]], kinds=['viewer'])) == []  # no animations/
    monkeypatch.setattr(motions, 'VIEWER_PEOPLE', 1)
    monkeypatch.setattr(motions, 'VIEWER_KEYS', 3)
    (sequence,) = read_page(write('v', frames, kinds=['viewer']).parent / 'viewer.html')
    (clip,) = sequence['clips']
    glb = base64.b64decode(clip['glb'])
    assert json.loads(glb[20 : 20 + int.from_bytes(glb[12:16], 'little')])['extras']['frames'] == 3
    assert (clip['start'], clip['end']) == (0, 0.4)
    monkeypatch.setattr(motions, 'VIEWER_BYTES', 1000)
    assert read_page(write('v', frames, kinds=['viewer']).parent / 'viewer.html') == []


def test_the_viewer_colors_who_moves_by_the_deviations_of_the_joints(tmp_path, make_result, photo, body):
    """Deviations of 0.1 and 0.3 m in frames 0 and 2; frame 1 is interpolated; 255 stands for more, too."""
    with ResultWriter(tmp_path, body, ['viewer']) as writer:
        for number in (0, 2):
            result = make_result(Frame(photo, f'{number}', 'v', number, 'v', number / 10, fps=10.0))
            for sample in result.samples:
                sample.pred_instances.joints_std = torch.full((1, 24), 0.1 + 0.1 * number)
            writer.write(result)
    (sequence,) = read_page(tmp_path / 'viewer.html')
    std = np.frombuffer(base64.b64decode(sequence['clips'][0]['std']), np.uint8).reshape(-1, 24)
    assert std.tolist() == [[100] * 24, [200] * 24, [255] * 24]


def test_frame_rates():
    times, numbers = [0, 0.1, 0.2, 0.3], [0, 1, 2, 3]
    assert frame_rate(10.2, times, numbers) == 10.2
    assert frame_rate(1000, times, numbers) == pytest.approx(10)  # the clock of a container
    assert frame_rate(None, times, numbers) == pytest.approx(10)
    assert (frame_rate(24, [0], [0]), frame_rate(None, [], [])) == (24, 30)


def test_unreadable_frames_are_gaps(make_result, photo, body, tmp_path):
    """Frames 1 and 2 of four are missing: they are interpolated, and the rate stays."""
    with ResultWriter(tmp_path, body, ['smpl']) as writer:
        for number in (0, 3):
            writer.write(make_result(Frame(photo, f'{number}', 'v', number, 'v', number / 10, fps=10.0)))
    found = np.load(tmp_path / 'animations/v_person_0.npz')
    assert found['mocap_framerate'] == 10 and len(found['poses']) == 4
