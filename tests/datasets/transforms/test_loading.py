from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmroi.datasets import BadSampleError, LoadImage
from mmroi.datasets.image_checks import image_size, is_truncated


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


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'TIFF', 'WEBP'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_size_is_that_of_the_decoded_image(
    photo: np.ndarray, kind: str, orientation: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(photo).save(tmp_path / 'a', kind, exif=exif)
    results = LoadImage()(dict(img_path=str(tmp_path / 'a')))
    assert results['img_shape'] == ((80, 60) if orientation >= 5 else (60, 80))
    assert image_size(str(tmp_path / 'a')) == results['img_shape']


@pytest.mark.filterwarnings('ignore:Corrupt EXIF')
def test_damaged_tags_do_not_matter(photo: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo).save(tmp_path / 'a.jpg', exif=b'Exif\0\0II*\0' + b'\xff' * 40)
    assert image_size(str(tmp_path / 'a.jpg')) == (60, 80)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_truncation(photo: np.ndarray, suffix: str, tmp_path: Path) -> None:
    content = cv2.imencode(suffix, photo)[1].tobytes()
    assert not is_truncated(content)
    assert all(
        is_truncated(content[:size]) for size in (len(content) // 2, len(content) - 100, len(content) - 1, 0)
    )
    (tmp_path / f'a{suffix}').write_bytes(content[:-100])
    with pytest.raises(BadSampleError, match=rf'truncated image: .*a{suffix} ends too early.*again') as info:
        LoadImage()(dict(img_path=str(tmp_path / f'a{suffix}')))
    assert info.value.reason == 'truncated image'


def test_jpeg_with_thumbnail_or_appended_data(photo: np.ndarray) -> None:
    content = cv2.imencode('.jpg', photo)[1].tobytes()
    # A complete thumbnail inside an application segment must not hide that the picture itself is cut.
    segment = b'\xff\xe1' + (len(content) + 2).to_bytes(2, 'big') + content
    with_thumbnail = content[:2] + segment + content[2:]
    assert not is_truncated(with_thumbnail)
    assert is_truncated(with_thumbnail[:-50])
    assert not is_truncated(content + b'vendor data')


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(BadSampleError, match=r'missing image: .*none\.jpg does not exist.*data_root'):
        LoadImage()(dict(img_path=str(tmp_path / 'none.jpg')))
    (tmp_path / 'text.jpg').write_text('not an image')
    with pytest.raises(BadSampleError, match=r'unreadable image: .*text\.jpg cannot be decoded'):
        LoadImage()(dict(img_path=str(tmp_path / 'text.jpg')))
