import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.camera import sample_camera
from mmroi.synthetic.framing import FRAMINGS
from mmroi.synthetic.presets import get_preset


@pytest.fixture(scope='module')
def standing():
    """Vertices and joints of a standing body with hanging arms, relative to the root."""
    body = StudioBody()
    rotations = np.tile(np.eye(3), (1, 24, 1, 1))
    rotations[0, 16], rotations[0, 17] = (np.array([[0.0, s, 0], [-s, 0, 0], [0, 0, 1]]) for s in (1.0, -1.0))
    posed = body.pose(rotations, np.zeros((1, 10)))
    return posed.vertices[0], posed.joints[0]


def shoot(standing, seed, **changes):
    level = dict(mean=0.0, std=0.0, low=0.0, high=0.0)
    config = dict(get_preset('natural'), roll=level, truncation=0.0, **changes)
    rng = np.random.default_rng(seed)
    camera = sample_camera(rng, config, 200)
    framing = FRAMINGS['photographer'](rng, config, camera, *standing)
    vertices, joints = ((points + framing.root) @ framing.camera.rotation.T for points in standing)
    return framing, framing.camera.project(vertices), framing.camera.project(joints)


@pytest.mark.parametrize('crop, inside, outside', [('hips', 6, 4), ('knees', 0, 8), ('chest', 12, 1)])
def test_a_portrait_ends_at_its_part_of_the_body(standing, crop, inside, outside):
    for seed in range(20):
        framing, _, joints = shoot(standing, seed, portraits={crop: 1.0})
        height, width = framing.camera.height, framing.camera.width
        assert 0 < joints[inside, 1] < height < joints[outside, 1]
        assert 0 < joints[inside, 0] < width


def test_whole_bodies_lie_in_the_image_and_vary_in_size(standing):
    sizes = []
    for seed in range(40):
        framing, vertices, _ = shoot(standing, seed, portraits={})
        frame = (framing.camera.width, framing.camera.height)
        # Up to the perspective of wide lenses, which look at a close person from above.
        assert (vertices > -0.1 * np.array(frame)).all() and (vertices < 1.1 * np.array(frame)).all()
        sizes.append(np.ptp(vertices[:, 1]) / frame[1])
    assert min(sizes) < 0.4 and max(sizes) > 0.8


def test_the_camera_is_at_its_height_above_the_floor(standing):
    eye = dict(mean=1.5, std=0.0, low=1.5, high=1.5)
    for seed in range(10):
        framing, *_ = shoot(standing, seed, portraits={}, eye_height=eye)
        floor = -(framing.root[1] + standing[0][:, 1].min())
        assert floor == pytest.approx(1.5, abs=0.15)


def test_free_people_have_the_drawn_size(standing):
    config = dict(get_preset('easy'), person_size=(0.5, 0.5), truncation=0.0)
    rng = np.random.default_rng(0)
    camera = sample_camera(rng, config, 200)
    framing = FRAMINGS['free'](rng, config, camera, *standing)
    assert framing.camera is camera
    pixels = camera.project((standing[0] + framing.root) @ camera.rotation.T)
    assert np.ptp(pixels[:, 1]) == pytest.approx(100, rel=0.1)
