"""Cameras and scenes: ranges of the presets, people on the floor and apart."""

import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.camera import Camera, sample_camera
from mmroi.synthetic.presets import PRESETS, get_preset
from mmroi.synthetic.scene import SceneSampler


@pytest.fixture(scope='module')
def scenes():
    body = StudioBody()
    samplers = {name: SceneSampler(body, get_preset(name), 128) for name in PRESETS}
    return {
        name: [sampler.sample(np.random.default_rng([7, i])) for i in range(40)]
        for name, sampler in samplers.items()
    }


def test_focal_lengths_and_aspects():
    config = get_preset('full')
    cameras = [sample_camera(np.random.default_rng(i), config, 128) for i in range(300)]
    ratios = np.array([c.focal_length / np.hypot(c.width, c.height) for c in cameras])
    assert ratios.min() >= 0.6 and ratios.max() <= 2.5
    assert ratios.min() < 0.65 and ratios.max() > 2.3
    assert {(c.width, c.height) for c in cameras} == {(128, 128), (128, 96), (96, 128)}


def test_projection_by_hand():
    camera = Camera(100.0, np.array([64.0, 48.0]), 96, 128, np.diag([1.0, -1.0, -1.0]))
    np.testing.assert_allclose(camera.project(np.array([[0.5, -0.25, 2.0]])), [[89.0, 35.5]])
    np.testing.assert_allclose(camera.ray(np.array(89.0), np.array(35.5)), [0.25, -0.125, 1.0])


def test_a_camera_that_looks_down_sees_the_floor_higher():
    config = dict(
        get_preset('easy'),
        pitch=dict(mean=20, std=0, low=20, high=20),
        roll=dict(mean=0, std=0, low=0, high=0),
    )
    camera = sample_camera(np.random.default_rng(0), config, 128)
    ahead = camera.rotation @ np.array([0.0, 0.0, -5.0])  # a point at the camera's height
    assert camera.project(ahead)[1] < camera.principal_point[1]


@pytest.mark.parametrize('preset', PRESETS)
def test_people_touch_the_floor_and_stay_in_front(scenes, preset):
    for scene in scenes[preset]:
        for person in scene.people:
            height = person.vertices @ scene.camera.up + scene.floor
            assert abs(height.min()) < 1e-3
            assert person.vertices[:, 2].min() > 0.3


def test_easy_people_face_the_camera(scenes):
    for scene in scenes['easy']:
        for person in scene.people:
            forward = scene.camera.rotation.T @ person.rotations[0] @ (0, 0, 1)
            assert abs(np.arctan2(forward[0], forward[2])) < np.radians(80)


def test_full_covers_all_orientations_and_off_center_places(scenes):
    people = [(scene, person) for scene in scenes['full'] for person in scene.people]
    forward = np.array(
        [scene.camera.rotation.T @ person.rotations[0] @ (0, 0, 1) for scene, person in people]
    )
    assert (forward[:, 2] < -0.5).any() and (forward[:, 2] > 0.5).any()
    assert (forward[:, 0] < -0.5).any() and (forward[:, 0] > 0.5).any()
    offset = np.array(
        [scene.camera.project(person.pelvis)[0] / scene.camera.width - 0.5 for scene, person in people]
    )
    assert offset.std() > 0.15
    assert {len(scene.people) for scene in scenes['full']} == {1, 2, 3}


def test_sitting_people_have_a_seat_under_them(scenes):
    seated = [
        (scene, person) for scene in scenes['full'] for person in scene.people if person.pose.style == 'sit'
    ]
    assert seated
    for scene, person in seated:
        tops = [(box.corners @ scene.camera.up + scene.floor).max() for box in scene.boxes]
        pelvis = person.pelvis @ scene.camera.up + scene.floor
        assert any(0.02 < pelvis - top < 0.3 for top in tops)


def test_unknown_preset():
    with pytest.raises(ValueError, match='easy, frontal, full'):
        get_preset('hard')
