import numpy as np
import pytest

from mmroi.visualization import draw_side_view, overlay_triptych, tile_images
from mmroi.visualization.drawing import Labels

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


def test_titles_stand_above_their_images():
    images = [np.zeros((20, 40, 3), np.uint8)] * 3
    plain = tile_images(images, columns=2, height=90, gap=4)
    sheet = tile_images(images, columns=2, height=90, gap=4, titles=['a', 'b', 'c'])
    assert sheet.shape == (plain.shape[0] + 2 * 6, *plain.shape[1:])
    ink = sheet.min(axis=2) < 200
    lines = [ink[4:10], ink[104:110]]  # above each row of images
    assert [[line[:, :180].any(), line[:, 184:].any()] for line in lines] == [[1, 1], [1, 0]]
    assert not ink[100:104].any()
    with pytest.raises(ValueError, match='2 titles for 3 images'):
        tile_images(images, 2, 20, titles=['a', 'b'])


def test_labels_neither_cover_each_other_nor_leave_the_image():
    image = np.zeros((40, 100, 3), np.uint8)
    labels, places = Labels(image), [(95, 20), (10, 5), (10, 20), (12, 22), (10, 36)]
    assert labels.write('1', places, (255, 0, 0)) and labels.write('2', places, (0, 255, 0))
    first, second = (np.argwhere(image[..., channel] > 128) for channel in (0, 1))
    assert 7 <= first[:, 0].min() and first[:, 0].max() <= 21  # the third place
    assert 23 <= second[:, 0].min() and second[:, 0].max() <= 37  # the fifth
    assert not labels.write('3', places, (0, 0, 255)) and not image[..., 2].any()
    labels.reserve((60, 20), 8)
    assert not labels.write('4', [(58, 22)], (0, 0, 255)) and labels.write('4', [(80, 22)], (0, 0, 255))
