from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmroi.datasets import BadSampleError, LoadImage
from mmroi.datasets.image_checks import find_image_faults, image_size, is_truncated
from mmroi.datasets.row_checks import fault_code


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


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
    # A complete thumbnail inside an application segment must not hide that the image itself is truncated.
    segment = b'\xff\xe1' + (len(content) + 2).to_bytes(2, 'big') + content
    with_thumbnail = content[:2] + segment + content[2:]
    assert not is_truncated(with_thumbnail)
    assert is_truncated(with_thumbnail[:-50])
    assert not is_truncated(content + b'vendor data')


def test_faults_of_images_by_row(photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = cv2.imencode('.jpg', photo)[1].tobytes()
    (tmp_path / 'good.jpg').write_bytes(content)
    (tmp_path / 'cut.jpg').write_bytes(content[:-100])
    (tmp_path / 'text.jpg').write_text('not an image')
    read = []

    def note_and_read(path: str) -> tuple[int, int]:
        read.append(path)
        return image_size(path)

    monkeypatch.setattr('mmroi.datasets.image_checks.image_size', note_and_read)
    rows = [
        ('good.jpg', (0, 0, 80, 60), None),
        ('none.jpg', (0, 0, 9, 9), 'missing image'),
        ('good.jpg', (79, 0, 9, 9), None),  # one column is inside
        ('good.jpg', (80, 0, 9, 9), 'box outside the image'),
        ('good.jpg', (0, -9, 9, 9), 'box outside the image'),
        ('cut.jpg', (0, 0, 9, 9), 'truncated image'),
        ('text.jpg', (99, 0, 9, 9), 'unreadable image'),  # no size to compare the box with
    ]
    faults = find_image_faults(
        [str(tmp_path / name) for name, _, _ in rows], np.array([box for _, box, _ in rows], float)
    )
    assert faults.tolist() == [fault_code(reason) if reason else 0 for _, _, reason in rows]
    assert len(read) == 4  # each image once
    assert find_image_faults([], np.zeros((0, 4))).shape == (0,)
