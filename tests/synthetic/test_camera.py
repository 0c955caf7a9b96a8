import numpy as np

from mmroi.synthetic.camera import Camera, sample_camera
from mmroi.synthetic.presets import get_preset


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


def test_rays_invert_the_projection():
    camera = sample_camera(np.random.default_rng(3), get_preset('full'), 256)
    x, y = np.random.default_rng(0).uniform(0, 200, (2, 50))
    rays = camera.ray(x, y)
    assert rays.dtype == np.float32 and (rays[:, 2] == 1).all()
    np.testing.assert_allclose(camera.project(7 * rays), np.stack([x, y], -1), atol=1e-3)


def test_rotation_is_a_rotation_and_up_is_minus_y_of_a_level_camera():
    level = dict(
        get_preset('easy'), pitch=dict(mean=0, std=0, low=0, high=0), roll=dict(mean=0, std=0, low=0, high=0)
    )
    camera = sample_camera(np.random.default_rng(0), level, 128)
    np.testing.assert_allclose(camera.up, [0, -1, 0], atol=1e-12)
    for seed in range(5):
        rotation = sample_camera(np.random.default_rng(seed), get_preset('full'), 128).rotation
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) > 0
