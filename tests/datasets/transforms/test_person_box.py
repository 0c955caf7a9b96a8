import numpy as np
import pytest

from mmroi.datasets import BadSampleError, GetPersonBox


def _sample(*bbox: float) -> dict:
    return dict(
        bbox_xywh=np.array(bbox),
        img_shape=(100, 200),
        principal_point=np.array((90.0, 50.0)),
        keypoints2d=np.array([(91.0, 52.0, 0.5)], np.float32),
    )


def test_box_and_keypoints_relative_to_the_principal_point() -> None:
    # 30 x 60 is narrower than 3:4, so the height counts: 60 * 1.2; the center is (115, 50).
    results = GetPersonBox()(_sample(100, 20, 30, 60))
    np.testing.assert_allclose(results['box'], (25, 0, 72))
    np.testing.assert_array_equal(results['keypoints2d'], [(1, 2, 0.5)])
    np.testing.assert_array_equal(results['aug_matrix'], np.eye(3))
    # 60 x 60 is wider: the height becomes 60 / 0.75.
    np.testing.assert_allclose(GetPersonBox(scale=1.0)(_sample(100, 20, 60, 60))['box'], (40, 0, 80))


def test_two_focal_lengths_by_hand() -> None:
    """f is 200, so that x doubles and y halves about the principal point (90, 50)."""
    results = GetPersonBox(scale=1.0)({**_sample(100, 20, 30, 60), 'focal_length': np.array((100.0, 400.0))})
    assert results['focal_length'] == 200 and type(results['focal_length']) is float
    np.testing.assert_array_equal(results['focal_lengths'], (100, 400))
    np.testing.assert_array_equal(results['aug_matrix'], np.diag((2, 0.5, 1)))
    np.testing.assert_array_equal(results['keypoints2d'], [(2, 1, 0.5)])
    # The person is 60 x 30 then, wider than 3:4; the center (115, 50) lies 25 to the right.
    np.testing.assert_allclose(results['box'], (50, 0, 60 / 0.75))


@pytest.mark.parametrize('focal_length', [0.0, -5.0, (500.0, 0.0), (np.nan, 500.0)])
def test_focal_lengths_are_positive(focal_length: object) -> None:
    with pytest.raises(BadSampleError, match='focal length not positive: focal_length is .*Correct it or'):
        GetPersonBox()({**_sample(100, 20, 30, 60), 'focal_length': focal_length})


def test_no_more_than_two_focal_lengths() -> None:
    with pytest.raises(ValueError, match=r'focal_length is \[1.0, 2.0, 3.0\], expected .* or two, fx and fy'):
        GetPersonBox()({**_sample(100, 20, 30, 60), 'focal_length': (1, 2, 3)})


def test_inputs_are_not_written_to() -> None:
    sample = _sample(100, 20, 30, 60)
    keypoints = sample['keypoints2d']
    GetPersonBox()(sample)
    np.testing.assert_array_equal(keypoints, [(91, 52, 0.5)])


@pytest.mark.parametrize(
    'bbox, reason',
    [
        ((10, 10, 0, 20), 'zero-area box'),
        ((10, 10, 20, -1), 'zero-area box'),
        ((np.nan, 10, 20, 20), 'NaN box'),
        ((10, 10, np.inf, 20), 'NaN box'),
        ((200, 10, 20, 20), 'box outside the image'),
        ((-20, 10, 20, 20), 'box outside the image'),
        ((10, 100, 20, 20), 'box outside the image'),
        ((10, -30, 20, 20), 'box outside the image'),
    ],
)
def test_boxes_that_show_nobody(bbox: tuple, reason: str) -> None:
    with pytest.raises(BadSampleError, match=f'{reason}: bbox_xywh is .*Correct bbox_xywh') as info:
        GetPersonBox()(_sample(*bbox))
    assert info.value.reason == reason


@pytest.mark.parametrize('aspect, scale', [(0, 1.2), (-1, 1.2), (0.75, 0)])
def test_aspect_and_scale_are_positive(aspect: float, scale: float) -> None:
    with pytest.raises(ValueError, match='aspect and scale must be positive'):
        GetPersonBox(aspect, scale)
    with pytest.raises(ValueError, match='crop_aspect must be positive, got 0'):
        GetPersonBox(crop_aspect=0)


def test_box_that_reaches_over_the_border_is_fine() -> None:
    boxes = [GetPersonBox()(_sample(x, y, 20, 20))['box'] for x, y in ((-19, -19), (199, 99))]
    np.testing.assert_allclose(boxes, [(-99, -59, 32), (119, 59, 32)])  # 20 / 0.75 * 1.2, not cut off


@pytest.mark.parametrize(
    'margin, scale, expected', [(1.0, 1.2, 72), (1.2, 1.2, 60), (1.2, 1.5, 75), (1.5, 1.2, 48)]
)
def test_the_scale_counts_from_the_tight_box(margin: float, scale: float, expected: float) -> None:
    sample = _sample(100, 20, 30, 60) | dict(box_margin=margin)
    np.testing.assert_allclose(GetPersonBox(scale=scale)(sample)['box'], (25, 0, expected))


def test_the_margin_of_published_boxes_changes_no_bit() -> None:
    bbox = (100.3, 20.7, 31.1, 61.9)
    box = GetPersonBox()(_sample(*bbox) | dict(box_margin=1.2))['box']
    np.testing.assert_array_equal(box, GetPersonBox(scale=1.0)(_sample(*bbox))['box'])


def test_a_margin_is_not_cut_off() -> None:
    """``scale=1.0`` once meant to take the boxes of the annotation as they are."""
    with pytest.raises(ValueError, match=r'scale=1 .*box_margin=1\.2: set scale=1\.2'):
        GetPersonBox(scale=1.0)(_sample(100, 20, 30, 60) | dict(box_margin=1.2))
