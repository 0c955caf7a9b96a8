import numpy as np
import pytest

from mmroi.visualization import draw_side_view, overlay_triptych, tile_images

FOCAL, CENTER, SIZE = 300.0, (100.0, 80.0), (160, 200)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


def test_triptych(photo, body):
    picture = overlay_triptych(photo, *body, FOCAL, CENTER)
    assert picture.shape == (160, 600, 3)
    np.testing.assert_array_equal(picture[:, :200], photo)
    np.testing.assert_array_equal(picture[:, 400:], draw_side_view(*body, SIZE))


def test_no_people(photo, body):
    nobody = np.zeros((0, 6890, 3))
    picture = overlay_triptych(photo, nobody, body[1], FOCAL, CENTER)
    np.testing.assert_array_equal(picture[:, 200:400], photo)
    assert len(np.unique(picture[:, 400:])) == 1


def test_tiles():
    tall, wide = np.zeros((40, 20, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    sheet = tile_images([tall, wide, wide], columns=2, height=20, gap=2)
    assert sheet.shape == (2 + 2 * 22, 2 + 42 + 42, 3)
    assert (sheet[2:22, 2:12] == 0).all() and (sheet[2:22, 12:44] != 0).all()
    assert (sheet[24:44, 2:42] == 0).all() and (sheet[24:44, 44:] != 0).all()
    with pytest.raises(ValueError, match='no image to tile'):
        tile_images([], 2, 20)
