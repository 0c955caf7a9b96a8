import cv2
import numpy as np
import pytest

from mmroi.fileio.image_writing import write_image

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_round_trip(tmp_path):
    write_image(tmp_path / 'new' / 'a.png', IMAGE)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'new' / 'a.png')), IMAGE)
    sizes = []
    for quality in (20, 95):
        write_image(str(tmp_path / 'a.jpg'), IMAGE, quality)
        sizes.append((tmp_path / 'a.jpg').stat().st_size)
    assert sizes[0] < sizes[1] and cv2.imread(str(tmp_path / 'a.jpg')).shape == IMAGE.shape


@pytest.mark.parametrize('name', ['a.xyz', 'a'])
def test_unknown_format(tmp_path, name):
    with pytest.raises(ValueError, match=f'{name}: .* is no format of images'):
        write_image(tmp_path / name, IMAGE)
    assert list(tmp_path.iterdir()) == []
