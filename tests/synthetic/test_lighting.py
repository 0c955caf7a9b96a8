import numpy as np
import pytest

from mmroi.synthetic.lighting import Lights, floor_shadow, sample_lights

UP = np.array([0.0, -1, 0])


def shade(lights, normals, gloss=0.0, occlusion=1.0):
    count = len(normals)
    rays = np.tile(np.array([0, 0, 1], np.float32), (count, 1))
    ones = np.ones(count, np.float32)
    albedo = np.full((count, 3), 0.5, np.float32)
    return lights.shade(albedo, normals.astype(np.float32), rays, gloss * ones, occlusion * ones)


@pytest.fixture
def lights():
    """One white light behind the camera; nothing else."""
    directions = np.array([[0.0, 0, -1], [0, 0, -1]])
    colors = np.array([[1.0, 1, 1], [0, 0, 0]])
    return Lights(directions, colors, UP, np.zeros(3), np.zeros(3))


def test_lambert_falls_with_the_cosine(lights):
    angles = np.radians([0, 30, 60, 90, 120])
    normals = np.stack([np.sin(angles), np.zeros(5), -np.cos(angles)], -1)
    np.testing.assert_allclose(shade(lights, normals)[:, 0], 0.5 * np.maximum(np.cos(angles), 0), atol=1e-6)


def test_gloss_adds_a_highlight_towards_the_camera(lights):
    normals = np.array([[0.0, 0, -1], [0.8, 0, -0.6]])
    shine = shade(lights, normals, gloss=0.3) - shade(lights, normals)
    np.testing.assert_allclose(shine[0], 0.3, atol=1e-5)
    assert shine[1].max() < 0.01


def test_ambient_light_comes_from_sky_and_ground(lights):
    lights.colors[:] = 0
    lights.sky, lights.ground = np.array([0.0, 0, 1]), np.array([1.0, 0, 0])
    colors = shade(lights, np.array([UP, -UP]), occlusion=0.5)
    np.testing.assert_allclose(colors, [[0, 0, 0.25], [0.25, 0, 0]], atol=1e-6)


def test_sampled_lights_shine_from_above(full_scenes):
    camera = full_scenes[0].camera
    for seed in range(30):
        drawn = sample_lights(np.random.default_rng(seed), camera, np.array([0.2, 0.3, 0.4]))
        np.testing.assert_allclose(np.linalg.norm(drawn.directions, axis=1), 1)
        assert (drawn.directions @ camera.up >= -1e-9).all()
        assert (drawn.colors >= 0).all() and (drawn.sky > 0).all() and (drawn.ground < drawn.sky).all()


def test_floor_is_dark_under_the_feet(full_scenes):
    checked = 0
    for scene in full_scenes:
        factor = floor_shadow(scene, scene.camera.up, 0.7, 0.05)
        assert factor.shape == (scene.camera.height, scene.camera.width) and factor.dtype == np.float32
        assert factor.min() > 0 and factor.max() <= 1
        for person in scene.people:
            foot = person.vertices[(person.vertices @ scene.camera.up).argmin()]
            x, y = np.round(scene.camera.project(foot)).astype(int)
            if 0 <= x < scene.camera.width and 0 <= y < scene.camera.height:
                assert factor[y, x] < 0.9
                checked += 1
    assert checked > 3


def test_a_stronger_main_light_casts_a_darker_shadow(full_scenes):
    scene = full_scenes[0]
    contact = floor_shadow(scene, scene.camera.up, 0.0, 0.05)
    cast = floor_shadow(scene, scene.camera.up, 0.7, 0.05)
    assert (cast <= contact + 1e-6).all() and cast.mean() < contact.mean()
