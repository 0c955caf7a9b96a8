import numpy as np
import pytest

from mmroi.synthetic import scenery


@pytest.mark.parametrize('size', [(64, 96), (200, 100)])
def test_clutter_has_many_colors_and_its_seed(size):
    images = [scenery.clutter(np.random.default_rng(seed), *size) for seed in (1, 1, 2)]
    assert all(image.shape == (*size, 3) and image.dtype == np.uint8 for image in images)
    assert np.array_equal(images[0], images[1]) and not np.array_equal(images[0], images[2])
    assert images[0].std() > 5


@pytest.mark.parametrize('draw', ['furnish', 'outdoors'])
def test_scenery_is_behind_the_people(full_scenes, draw):
    """It never covers the floor where they stand."""
    changed = 0
    for seed, scene in enumerate(full_scenes):
        rng = np.random.default_rng(seed)
        colors = np.full((scene.camera.height, scene.camera.width, 3), 0.5, np.float32)
        if draw == 'furnish':
            scenery.furnish(rng, scene, colors, 12.0)
        else:
            scenery.populate_outdoors(rng, scene, colors)
        assert np.isfinite(colors).all() and colors.min() >= 0 and colors.max() <= 1.01
        touched = np.any(colors != 0.5, axis=2)
        changed += touched.any()
        # The floor in front of the farthest person, straight ahead.
        depth = 0.7 * max(-(scene.camera.rotation.T @ person.pelvis)[2] for person in scene.people)
        point = scene.camera.project(scene.to_camera(np.array([0.0, -scene.floor, -depth])))
        x, y = np.round(point).astype(int)
        if 0 <= x < scene.camera.width and 0 <= y < scene.camera.height and scene.floor > 0:
            assert not touched[y, x]
    assert changed > len(full_scenes) / 3


def test_vivid_colors_are_bgr():
    rng = np.random.default_rng(0)
    colors = np.array([scenery.vivid(rng) for _ in range(200)])
    assert colors.shape == (200, 3) and colors.min() >= 0 and colors.max() <= 255
