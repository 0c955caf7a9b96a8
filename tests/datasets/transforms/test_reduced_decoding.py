"""Frames decoded at a part of their size: the same crops, seen from dots whose places are known."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmroi.datasets import BadSampleError, GetPersonBox, LoadImage, MultiRoICrop
from mmroi.datasets.image_checks import JPEGFrame
from mmroi.datasets.transforms.multi_roi_crop import find_reduction

HEIGHT, WIDTH = 640, 800
DOT = np.array((331.3, 290.6))  # x, y of its center
CROP = (64, 48)


def frame_with_a_dot(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    dot = 200 * np.exp(-((x - DOT[0]) ** 2 + (y - DOT[1]) ** 2) / (2 * 14**2))
    return np.repeat(dot[..., None], 3, axis=2).astype(np.uint8)


def write(image: np.ndarray, path: Path, orientation: int = 1) -> str:
    """Write an image so that it is upright after the turn that EXIF demands."""
    stored = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        6: np.rot90(image),
        8: np.rot90(image, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(stored).save(path, quality=95, exif=exif)
    return str(path)


def crop(path: str, height: float, reduce: bool, **changes) -> dict:
    box = [DOT[0] - 0.35 * height, DOT[1] - 0.45 * height, 0.75 * height, height]
    sample = dict(img_path=path, bbox_xywh=np.array(box), focal_length=None, principal_point=None)
    sample.update(changes)
    for step in (LoadImage(reduce=reduce), GetPersonBox(scale=1.0), MultiRoICrop(5, CROP)):
        sample = step(sample)
    return sample


def center(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array(((x * weight).sum(), (y * weight).sum())) / weight.sum()


@pytest.mark.parametrize('orientation', [1, 2, 3, 6, 8])
@pytest.mark.parametrize('height, reduction', [(190.0, 1), (220.0, 2), (400.0, 4), (560.0, 4)])
def test_the_dot_is_where_the_matrices_say(tmp_path, orientation, height, reduction):
    path = write(frame_with_a_dot(), tmp_path / 'a.jpg', orientation)
    loaded = LoadImage(reduce=True)(dict(img_path=path))
    assert isinstance(loaded['img'], JPEGFrame) and loaded['img_shape'] == (HEIGHT, WIDTH)
    sample, whole = crop(path, height, True), crop(path, height, False)
    np.testing.assert_array_equal(sample['crop_matrices'], whole['crop_matrices'])
    assert find_reduction(loaded['img'], sample['crop_matrices']) == reduction
    expected = sample['crop_matrices'] @ np.array((*DOT, 1.0))
    for found, exact, place in zip(sample['crops'], whole['crops'], expected, strict=True):
        np.testing.assert_allclose(center(found), place, atol=0.1)
        np.testing.assert_allclose(center(found), center(exact), atol=0.03)
        assert np.abs(found.astype(float) - exact).mean() < 0.5
    if reduction == 1:
        np.testing.assert_array_equal(sample['crops'], whole['crops'])
    assert 'img' not in sample


def test_a_camera_of_its_own(tmp_path):
    path = write(frame_with_a_dot(), tmp_path / 'a.jpg')
    camera = dict(principal_point=np.array((301.0, 222.0)), focal_length=np.array((900.0, 1100.0)))
    sample = crop(path, 420.0, True, **camera)
    place = sample['crop_matrices'][0] @ np.array((*DOT, 1.0))
    np.testing.assert_allclose(center(sample['crops'][0]), place, atol=0.1)


@pytest.mark.parametrize('height, width, reduction', [(641, 800, 1), (640, 802, 2), (644, 800, 4)])
def test_a_frame_is_only_reduced_to_whole_pixels(tmp_path, height, width, reduction):
    path = write(frame_with_a_dot(height, width), tmp_path / 'a.jpg')
    frame = LoadImage(reduce=True)(dict(img_path=path))['img']
    sample = crop(path, 560.0, True)
    assert find_reduction(frame, sample['crop_matrices']) == reduction
    assert frame.decode(reduction).shape == (height // reduction, width // reduction, 3)


def test_other_images_are_decoded_at_once(tmp_path):
    image = frame_with_a_dot()
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    np.testing.assert_array_equal(
        LoadImage(reduce=True)(dict(img_path=str(tmp_path / 'a.png')))['img'], image
    )
    np.testing.assert_array_equal(LoadImage(reduce=True)(dict(img=image))['img'], image)


def test_a_frame_that_is_kept_is_whole(tmp_path):
    path = write(frame_with_a_dot(), tmp_path / 'a.jpg')
    sample = GetPersonBox()(LoadImage(reduce=True)(dict(img_path=path, bbox_xywh=np.array((0, 0, 480, 640)))))
    assert MultiRoICrop(5, CROP, keep_img=True)(sample)['img'].shape == (HEIGHT, WIDTH, 3)


def test_a_damaged_file_is_a_bad_sample(tmp_path):
    path = tmp_path / 'a.jpg'
    write(frame_with_a_dot(), path)
    content = bytearray(path.read_bytes())
    content[160:-2] = bytes(len(content) - 162)
    path.write_bytes(content)
    with pytest.raises(BadSampleError, match='a.jpg cannot be decoded'):
        crop(str(path), 400.0, True)
