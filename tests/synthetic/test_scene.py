"""Scenes: people on the floor, in front of the camera and apart."""

import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
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


def test_natural_people_stand_upright_in_all_orientations_most_of_them_facing_the_camera(scenes):
    people = [(scene, person) for scene in scenes['natural'] for person in scene.people]
    axes = np.array([scene.camera.rotation.T @ person.rotations[0] for scene, person in people])
    assert (axes[:, 1, 1] > 0.6).mean() > 0.8
    yaw = np.degrees(np.abs(np.arctan2(axes[:, 0, 2], axes[:, 2, 2])))
    assert (yaw < 60).mean() > 0.4 and (yaw > 120).any() and ((yaw > 60) & (yaw < 120)).any()


def test_the_frame_cuts_off_a_good_part_of_natural_people_mostly_below(scenes):
    cut = []
    for scene in scenes['natural']:
        points = scene.camera.project(scene.people[0].vertices)
        frame = (scene.camera.width, scene.camera.height)
        cut.append([*(points.min(0) < -1), *(points.max(0) > frame)])
    left, top, right, bottom = np.mean(cut, axis=0)
    assert 0.2 < np.any(cut, axis=1).mean() < 0.65
    assert bottom > max(left, top, right)
