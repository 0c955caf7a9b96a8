import numpy as np
import pytest

from mmroi.apis.inference import Frame, FrameResult
from mmroi.apis.inference.pictures import (
    _resize,
    draw_detections,
    draw_result,
    draw_views,
    fit_image,
    viewer_frame,
)
from mmroi.structures import COCO_17


@pytest.fixture
def result(make_result, photo):
    return make_result(Frame(photo, 'a', 'a.jpg'))


def project(points, photo):
    return photo.focal_length * points[..., :2] / points[..., 2:] + photo.principal_point


def test_a_smaller_photo_has_the_camera_of_the_large_one(result):
    large, small = fit_image(result, 240), fit_image(result, 60)
    assert large.image is result.frame.image and small.image.shape == (50, 60, 3)
    # Pixel k covers k - 0.5 to k + 0.5.
    expected = (project(result.vertices, large) + 0.5) / 4 - 0.5
    np.testing.assert_allclose(project(result.vertices, small), expected, rtol=1e-6)
    np.testing.assert_allclose(small.boxes, large.boxes / 4)
    assert small.aspect == 0.75
    double = fit_image(result, 480, enlarge=True)
    np.testing.assert_allclose(project(result.vertices, double), 2 * project(result.vertices, large) + 0.5)
    assert double.image.shape == (400, 480, 3)


def test_the_mesh_is_drawn_where_it_is(result, body):
    picture = draw_result(result, body.faces, 1000)
    changed = (picture != result.frame.image).any(axis=2)
    pixels = project(result.vertices, fit_image(result, 1000)).reshape(-1, 2)
    rows, columns = np.nonzero(changed)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    assert low[0] - 1 <= columns.min() and columns.max() <= high[0] + 1
    assert low[1] - 1 <= rows.min() and rows.max() <= high[1] + 1
    assert changed[tuple(np.rint(pixels[::50, ::-1]).astype(int).T)].mean() > 0.9


def test_nobody_leaves_the_photo_as_it_is(photo, body):
    result = FrameResult(Frame(photo, 'a', 'a.jpg'), [])
    np.testing.assert_array_equal(draw_result(result, body.faces, 1000), photo)
    assert draw_result(result, body.faces, 120).shape == (100, 120, 3)


def test_views(result, body):
    sheet = draw_views(result, body.faces)
    assert sheet.dtype == np.uint8 and sheet.shape[0] > 2 * 480
    assert sheet.shape[1] > 3 * 480 * 240 / 200


def test_viewer_frame(result, body):
    frame = viewer_frame(result, body.faces, 120)
    assert frame.image.shape == (100, 120, 3) and frame.focal_length == 200 and frame.ids == [0, 1]
    np.testing.assert_array_equal(frame.vertices, result.vertices)
    assert len(frame.parameters) == 2 and frame.parameters[0]['betas'].shape == (10,)


def test_detections_are_drawn_where_they_are(result):
    keypoints = np.zeros((17, 3))
    keypoints[COCO_17.index('nose')] = 20, 180, 0.9
    keypoints[COCO_17.index('left_ear')] = 200, 20, 0.1  # too uncertain
    for sample in result.samples:
        sample.set_metainfo(dict(bbox=np.array([100, 50, 160, 120.0]), det_keypoints=keypoints))
    for max_size in (1920, 120):  # the second halves the image
        drawn, plain = draw_detections(result, max_size), _resize(result.frame.image, max_size)
        changed = (drawn != plain).any(axis=2)
        scale = len(drawn) / len(result.frame.image)
        y, x = np.nonzero(changed[:, : round(60 * scale)])  # the nose alone
        assert abs(x.mean() - 20 * scale) < 1 and abs(y.mean() - 180 * scale) < 1
        y, x = np.nonzero(changed[:, round(60 * scale) :])  # the box
        assert np.allclose((x.min() + 60 * scale, y.min()), (100 * scale, 50 * scale), atol=2.5)
        assert np.allclose((x.max() + 60 * scale, y.max()), (160 * scale, 120 * scale), atol=2.5)
