import numpy as np

from mmroi.synthetic.backgrounds import camera_rays, linear, sample_background


def test_linear_light_of_images():
    values = linear(np.array([0, 128, 255], np.uint8))
    np.testing.assert_allclose(values, [0, (128 / 255) ** 2.2, 1], rtol=1e-6)
    assert values.dtype == np.float32


def test_rays_point_through_their_pixels(full_scenes):
    camera = full_scenes[0].camera
    rays = camera_rays(camera)
    assert rays.shape == (camera.height, camera.width, 3)
    points = rays.reshape(-1, 3) @ camera.rotation.T
    np.testing.assert_allclose(points[:, 2], 1, atol=1e-5)
    y, x = np.mgrid[: camera.height, : camera.width].reshape(2, -1)
    np.testing.assert_allclose(camera.project(points), np.stack([x, y], -1), atol=1e-3)


def test_floor_is_only_below_the_horizon(full_scenes):
    seen = 0
    for seed, scene in enumerate(full_scenes):
        image, floor = sample_background(np.random.default_rng(seed), scene)
        shape = (scene.camera.height, scene.camera.width)
        assert image.shape == (*shape, 3) and image.dtype == np.float32 and floor.shape == shape
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() < 3
        assert (camera_rays(scene.camera)[floor][:, 1] < 0).all()
        seen += floor.any()
    assert seen > len(full_scenes) / 2


def test_backgrounds_are_reproducible_and_differ(full_scenes):
    scene = full_scenes[0]
    first, again, other = (sample_background(np.random.default_rng(seed), scene)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
