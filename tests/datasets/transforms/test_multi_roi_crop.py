import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose

from mmroi.datasets import GetPersonBox, MultiRoICrop, RandomBoxScale, RandomCameraRoll, RandomMirror
from mmroi.datasets.transforms.multi_roi_crop import apply_channel_gain, warp_crops


def _marked(height: int, width: int, point: tuple[float, float], radius: float) -> np.ndarray:
    """Black photo with a Gaussian blob at ``point``."""
    x, y = np.meshgrid(np.arange(width) - point[0], np.arange(height) - point[1])
    return np.repeat((255 * np.exp(-(x**2 + y**2) / (2 * radius**2)))[..., None], 3, 2).astype(np.uint8)


def _centroid(crop: np.ndarray) -> np.ndarray:
    weight = crop[..., 0].astype(float)
    y, x = np.indices(weight.shape)
    return np.array(((x * weight).sum(), (y * weight).sum())) / weight.sum()


@pytest.mark.parametrize('focal_length', [300.0, (1961.8, 1969.2), (300.0, 450.0), (500.0, 250.0)], ids=str)
@pytest.mark.parametrize(
    'augmentation',
    [
        [],
        [RandomCameraRoll(60, 1)],
        [RandomMirror(1)],
        [RandomCameraRoll(180, 1), RandomMirror(1), RandomBoxScale(0.2)],
    ],
)
@pytest.mark.parametrize('crop_size', [(256, 192), (64, 48), (32, 24)], ids=str)
def test_marker_lands_where_the_matrix_says(
    augmentation: list, crop_size: tuple[int, int], focal_length: object
) -> None:
    """From enlarging crops (256 x 192) to ones eight times smaller than their box, from an odd-sized
    photo."""
    np.random.seed(3)
    height, width, point = 361, 483, (251.3, 168.7)
    photo = _marked(height, width, point, radius=6)
    sample = dict(
        img=photo,
        img_shape=(height, width),
        bbox_xywh=np.array((190.0, 90.0, 115.0, 150.0)),
        principal_point=np.array((230.0, 190.0)),
        focal_length=np.array(focal_length),
    )
    results = Compose([GetPersonBox(), *augmentation, MultiRoICrop(9, crop_size)])(sample)
    assert results['crops'].shape == (9, *crop_size, 3) and 'img' not in results
    box, matrices = results['boxes'], results['crop_matrices']
    for crop, matrix, (cx, cy, b) in zip(results['crops'], matrices, box, strict=True):
        expected = matrix @ (*point, 1)
        # The label's formula: the augmented point relative to the box, at H / b.
        augmented = results['aug_matrix'][:2, :2] @ (np.array(point) - sample['principal_point'])
        labeled = (augmented - (cx, cy)) * crop_size[0] / b + (crop_size[1] / 2, crop_size[0] / 2)
        np.testing.assert_allclose(labeled, expected, atol=1e-9)
        assert np.abs(_centroid(crop) - expected).max() < 0.1


def test_one_crop_around_all_rois(sample: dict) -> None:
    """It has the size and the aspect asked for, and every RoI lies in it."""
    np.random.seed(0)
    steps = [RandomCameraRoll(90, 1), RandomMirror(1.0)]
    results = Compose([*steps, MultiRoICrop(5, (64, 48), context_size=(96, 88))])(sample)
    assert results['crops'].shape == (1, 96, 88, 3) and results['crop_matrices'].shape == (1, 2, 3)
    assert results['boxes'].shape == (5, 3)
    assert (results['crop_size'], results['context_size']) == ((64, 48), (96, 88))
    # Points of the RoIs' borders, through the original image, into the crop.
    frame_to_image = np.linalg.inv(results['aug_matrix'])
    half = results['boxes'][:, 2:] / 2 * (0.75, 1)
    corners = np.concatenate((results['boxes'][:, :2] - half, results['boxes'][:, :2] + half))
    corners = corners @ frame_to_image[:2, :2].T + frame_to_image[:2, 2] + sample['principal_point']
    placed = corners @ results['crop_matrices'][0, :, :2].T + results['crop_matrices'][0, :, 2]
    assert placed.min() > -1e-9 and (placed < (88 + 1e-9, 96 + 1e-9)).all()
    assert np.ptp(placed[:, 1]) == pytest.approx(96)  # 1.5 b are higher than 1.23 b are wide


def test_a_crop_around_one_roi_is_its_crop(sample: dict) -> None:
    own = MultiRoICrop(1, (64, 48), keep_img=True)(dict(sample))
    context = MultiRoICrop(1, (64, 48), context_size=(64, 48))(dict(sample))
    np.testing.assert_array_equal(context['crops'], own['crops'])
    assert 'context_size' not in own


def test_crops_equal_one_plain_warp_where_nothing_shrinks(sample: dict) -> None:
    np.random.seed(0)
    image = np.random.randint(0, 256, (120, 160, 3), np.uint8)
    sample['img'] = image
    results = Compose([RandomCameraRoll(90, 1), MultiRoICrop(5, (128, 96))])(sample)
    for crop, matrix in zip(results['crops'], results['crop_matrices'], strict=True):
        np.testing.assert_array_equal(crop, cv2.warpAffine(image, matrix, (96, 128)))


def test_shrinking_does_not_alias() -> None:
    """Stripes of one pixel become gray, not a moire pattern."""
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    for shrink in (2, 3, 5.3, 8):
        crop = warp_crops(stripes, np.array([[(1 / shrink, 0, 0), (0, 1 / shrink, 0)]]), (40, 30))[0]
        assert np.abs(crop[2:, 2:].astype(int) - 127).max() <= 2


def test_axes_are_reduced_each_by_its_own() -> None:
    """Of stripes that shrink four times none is left; the other way they are as sharp as one can see."""
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[::2] = 255
    columns = stripes.transpose(1, 0, 2)
    matrix = np.array([[(1.0, 0, 0), (0, 0.25, 0)]])
    gray = warp_crops(stripes, matrix, (128, 512))[0]
    assert np.abs(gray[2:, 2:].astype(int) - 127).max() <= 2
    np.testing.assert_array_equal(warp_crops(columns, matrix, (128, 512))[0][2:-2], columns[:124])


def test_outside_of_the_photo_is_black(sample: dict) -> None:
    sample['img'][:] = 200
    sample['box'] = np.array((-78.0, 0, 100))  # centerd on the photo's left border
    crop = MultiRoICrop(1, (64, 48))(sample)['crops'][0]
    assert not crop[:, :23].any()
    assert (crop[:, 25:] == 200).all()


def test_channel_gain_clips_and_rounds(sample: dict) -> None:
    crops = np.array([0, 10, 200, 255], np.uint8)[None, :, None, None].repeat(3, 3)
    noisy = apply_channel_gain(crops, np.array((0.5, 1.0, 1.4)))
    np.testing.assert_array_equal(noisy[0, :, 0], [(0, 0, 0), (5, 10, 14), (100, 200, 255), (128, 255, 255)])
    sample['channel_gain'] = np.array((1.0, 1.0, 0.5))
    assert (MultiRoICrop(2, (32, 24), keep_img=True)(dict(sample))['crops'][0, ..., 2] == 50).all()


def test_random_rois_start_with_the_base_box(sample: dict) -> None:
    crop = MultiRoICrop(7, (32, 24), random=True)
    first, second = crop(dict(sample)), crop(dict(sample))
    np.testing.assert_array_equal(first['boxes'][0], sample['box'])
    np.testing.assert_array_equal(second['boxes'][0], sample['box'])
    assert not np.allclose(first['boxes'][1:], second['boxes'][1:])


@pytest.mark.parametrize('num_rois, random', [(10, False), (0, False), (0, True), (-1, True)])
def test_number_of_rois_out_of_range(num_rois: int, random: bool) -> None:
    with pytest.raises(ValueError, match='num_rois must be between 1 and 9, or more with random=True; got '):
        MultiRoICrop(num_rois, random=random)


def test_any_number_of_random_rois(sample: dict) -> None:
    assert MultiRoICrop(12, (32, 24), random=True)(sample)['crops'].shape == (12, 32, 24, 3)


def test_crop_size_out_of_range() -> None:
    with pytest.raises(ValueError, match=r'context_size is \(height, width\) in pixels, got \(96,\)'):
        MultiRoICrop(2, context_size=(96,))
    with pytest.raises(ValueError, match=r'crop_size is \(height, width\) in pixels, got \(0, 24\)'):
        MultiRoICrop(1, (0, 24))


@pytest.mark.parametrize(
    'aspect, crop_size', [(1.0, (224, 224)), (0.75, (256, 192)), (0.75, (62, 46)), (4 / 3, (48, 64))]
)
def test_crop_has_the_aspect_of_the_box(sample: dict, aspect: float, crop_size: tuple[int, int]) -> None:
    results = Compose([GetPersonBox(aspect, scale=1.0), MultiRoICrop(1, crop_size)])(sample)
    # The person of 30 x 60 pixels fits in: the higher or wider side decides.
    assert results['boxes'][0, 2] == max(60, 30 / aspect)
    assert results['crops'].shape == (1, *crop_size, 3)


def test_crops_of_another_aspect_that_was_asked_for(sample: dict) -> None:
    """Boxes of MMHuman3D's CLIFF: the longer side of a person becomes the width of the crop."""
    for width, height in ((30.0, 60.0), (60.0, 60.0), (72.0, 40.0)):
        sample['bbox_xywh'] = np.array((60.0, 20.0, width, height))
        steps = [GetPersonBox(1.0, 4 / 3, crop_aspect=0.75), MultiRoICrop(1, (256, 192), keep_img=True)]
        b = Compose(steps)(sample)['boxes'][0, 2]
        assert b * 192 / 256 == pytest.approx(max(width, height))


@pytest.mark.parametrize('aspect, crop_size', [(0.75, (224, 224)), (1.0, (256, 192)), (0.75, (192, 256))])
def test_crop_of_another_aspect_than_the_box(sample: dict, aspect: float, crop_size: tuple[int, int]) -> None:
    wanted = f'{crop_size[1] / crop_size[0]:g}'
    with pytest.raises(
        ValueError,
        match=f'have the aspect {wanted}, but GetPersonBox made boxes of aspect '
        f'{aspect:g}: give it aspect={wanted}',
    ):
        Compose([GetPersonBox(aspect), MultiRoICrop(1, crop_size)])(sample)
