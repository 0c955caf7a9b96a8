from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.datasets import BadSampleError, LoadImage


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_decodes_bgr_and_fills_in_the_camera(photo: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), photo)
    results = LoadImage()(dict(img_path=str(tmp_path / 'a.png'), focal_length=None, principal_point=None))
    np.testing.assert_array_equal(results['img'], photo)
    assert results['img_shape'] == (60, 80)
    assert results['focal_length'] == 100  # diagonal of 60 x 80
    np.testing.assert_array_equal(results['principal_point'], (40, 30))


def test_keeps_the_camera_of_the_dataset(photo: np.ndarray) -> None:
    results = LoadImage()(dict(img=photo, focal_length=55.0, principal_point=np.array((1.0, 2.0))))
    assert results['focal_length'] == 55
    pair = np.array((55.0, 66.0))
    np.testing.assert_array_equal(LoadImage()(dict(img=photo, focal_length=pair))['focal_length'], pair)
    np.testing.assert_array_equal(results['principal_point'], (1, 2))


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(BadSampleError, match=r'missing image: .*none\.jpg does not exist.*data_root'):
        LoadImage()(dict(img_path=str(tmp_path / 'none.jpg')))
    with pytest.raises(BadSampleError, match=r'missing image: https://.*a\.jpg is a URL; download'):
        LoadImage()(dict(img_path='https://example.org/a.jpg'))
    (tmp_path / 'text.jpg').write_text('not an image')
    with pytest.raises(BadSampleError, match=r'unreadable image: .*text\.jpg cannot be decoded'):
        LoadImage()(dict(img_path=str(tmp_path / 'text.jpg')))
