import numpy as np
import pytest

from mmroi.geometry import rasterize
from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.renderer import Renderer


@pytest.fixture(scope='module')
def body():
    return StudioBody()


@pytest.fixture(scope='module')
def renderings(body, full_scenes):
    renderer = Renderer(body)
    return [renderer.render(np.random.default_rng(i), scene) for i, scene in enumerate(full_scenes)]


def test_shapes_and_types(full_scenes, renderings):
    for scene, rendering in zip(full_scenes, renderings, strict=True):
        height, width, count = scene.camera.height, scene.camera.width, len(scene.people)
        assert rendering.image.shape == (height, width, 3) and rendering.image.dtype == np.uint8
        assert rendering.owner.shape == rendering.depth.shape == (2 * height, 2 * width)
        assert rendering.boxes.shape == (count, 4) and rendering.visible.shape == (count,)
        assert set(np.unique(rendering.owner)) <= {-2, -1, *range(count)}
        assert np.array_equal(np.isinf(rendering.depth), rendering.owner == -1)
        assert (rendering.visible >= 0).all() and (rendering.visible <= 1).all()


def test_clothes_lie_outside_of_the_body(body, full_scenes, renderings):
    """What covers the silhouette of the bare body is its dressed owner, or something in front of it."""
    for scene, rendering in zip(full_scenes, renderings, strict=True):
        camera, vertices = scene.camera, scene.people[0].vertices
        points = (camera.project(vertices) + 0.5) * 2 - 0.5
        bare = rasterize(points, vertices[:, 2], body.faces, 2 * camera.height, 2 * camera.width).pixel_index
        assert (rendering.owner.ravel()[bare] != -1).mean() > 0.98


def test_depth_of_samples_is_that_of_their_person(full_scenes, renderings):
    for scene, rendering in zip(full_scenes, renderings, strict=True):
        for k, person in enumerate(scene.people):
            depth = rendering.depth[rendering.owner == k]
            if depth.size:
                assert person.vertices[:, 2].min() - 0.1 < depth.min()
                assert depth.max() < person.vertices[:, 2].max() + 0.1


def test_rendering_is_reproducible(body, full_scenes, renderings):
    again = Renderer(body).render(np.random.default_rng(0), full_scenes[0])
    np.testing.assert_array_equal(again.image, renderings[0].image)
    other = Renderer(body).render(np.random.default_rng(99), full_scenes[0])
    assert not np.array_equal(other.image, again.image)
    # Other clothes change the silhouette only a little.
    assert (other.owner == again.owner).mean() > 0.9


def test_images_are_well_exposed(renderings):
    means = np.array([rendering.image.mean() for rendering in renderings])
    assert means.min() > 20 and means.max() < 235
