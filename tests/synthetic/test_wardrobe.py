import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.wardrobe import Wardrobe, intersection


@pytest.fixture(scope='module')
def body():
    return StudioBody()


@pytest.fixture(scope='module')
def wardrobe(body):
    return Wardrobe(body)


@pytest.fixture(scope='module')
def outfits(wardrobe):
    return [wardrobe.dress(np.random.default_rng(i)).layers for i in range(60)]


@pytest.fixture(scope='module')
def clothed(body, outfits):
    """(60, 6890) whether clothes or hair, which lift the surface, cover a vertex."""
    return np.array(
        [
            np.any([layer.covers(body.rest_vertices) > 0 for layer in layers if layer.thickness], axis=0)
            for layers in outfits
        ]
    )


def test_the_first_layer_is_skin_everywhere(body, outfits):
    for layers in outfits:
        assert (layers[0].covers(body.rest_vertices) > 0).all() and layers[0].thickness == 0
        for layer in layers:
            values = layer.covers(body.rest_vertices)
            assert values.shape == (6890,) and np.isfinite(values).all()
            assert 0 <= layer.thickness < 0.05 and 0 <= layer.opacity <= 1


def test_layers_of_the_head_end_above_the_neck(body, wardrobe, outfits):
    below = body.rest_vertices[body.rest_vertices[:, 1] <= wardrobe.neck_height]
    for layers in outfits:
        for layer in layers:
            if layer.on_head:
                assert (layer.covers(below) < 0).all()


def test_hips_are_clothed_and_hands_and_nose_are_bare(body, clothed):
    rest, joints = body.rest_vertices, body.rest_joints
    hips = (np.abs(rest[:, 1] - joints[1, 1]) < 0.03) & (np.abs(rest[:, 0]) < 0.2)
    hands = np.abs(rest[:, 0]) > joints[20, 0] + 0.05
    nose = np.linalg.norm(rest - body.face_landmarks['nose'], axis=1) < 0.01
    assert clothed[:, hips].all() and not clothed[:, hands].any() and not clothed[:, nose].any()


def test_sleeves_and_cuffs_vary(clothed):
    share = clothed.mean(1)
    assert share.min() < 0.8 * share.max()


def test_the_coordinate_along_limbs_grows_to_the_shoulders(body, wardrobe):
    joints = body.rest_joints.astype(np.float32)
    legs = wardrobe.along(joints[[7, 4, 1, 0, 6]])
    arms = wardrobe.along(joints[[16, 18, 20]])
    assert (np.diff(legs) > 0).all() and (np.diff(arms) < 0).all()


def test_intersection_is_positive_where_all_fields_are():
    fields = np.array([[1.0, -1, 2], [3, 1, -2]])
    np.testing.assert_array_equal(intersection(*fields), [1, -1, -2])
