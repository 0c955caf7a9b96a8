import numpy as np
import pytest

from mmroi.visualization import draw_overlay, draw_side_view, overlay_triptych, tile_images

FOCAL, CENTER, SIZE = 300.0, (100.0, 80.0), (160, 200)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


def covered(picture):
    """Columns and rows of a drawing on light grey."""
    drawn = (picture != picture[0, 0]).any(axis=-1)
    return np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))


def test_overlay_draws_on_a_copy(photo, ball):
    before = photo.copy()
    picture = draw_overlay(photo, *ball((0, 0, 3)), FOCAL, CENTER)
    np.testing.assert_array_equal(photo, before)
    changed = (picture != photo).any(axis=-1)
    assert changed[80, 100] and not changed[5, 5]
    np.testing.assert_array_equal(draw_overlay(photo, *ball((0, 0, 3)), FOCAL, CENTER, opacity=0), photo)


def test_side_view_shows_depth_from_left_to_right(ball):
    (near, faces), (far, _) = ball((0, 0, 3)), ball((0, 0, 5))
    picture = draw_side_view(np.stack([near, far]), faces, SIZE, colors=[(0, 0, 255), (255, 0, 0)]).astype(
        int
    )
    red = (picture[..., 2] > picture[..., 0] + 20).any(axis=0)
    blue = (picture[..., 0] > picture[..., 2] + 20).any(axis=0)
    assert np.flatnonzero(red).max() < np.flatnonzero(blue).min()


def test_side_view_fits_the_picture(body):
    columns, rows = covered(draw_side_view(*body, SIZE, margin=0.1, grid=False))
    assert rows.min() == pytest.approx(16, abs=1.5) and rows.max() == pytest.approx(143, abs=1.5)
    assert columns.min() + columns.max() == pytest.approx(199, abs=2)


def test_side_view_keeps_up_and_down(body):
    """Feet are wider than the head from the side, and below."""
    picture = draw_side_view(*body, (400, 300), grid=False)
    drawn = (picture != picture[0, 0]).any(axis=-1)
    rows = np.flatnonzero(drawn.any(axis=1))
    assert drawn[rows[-6]].sum() > 0.9 * drawn[rows[5]].sum()
    columns = np.flatnonzero(drawn[rows[-6]])  # the camera, and so the toes of a person who faces it, is left
    assert columns.min() < np.flatnonzero(drawn[rows[0]]).mean() - 2


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
    with pytest.raises(ValueError, match='no picture'):
        tile_images([], 2, 20)
