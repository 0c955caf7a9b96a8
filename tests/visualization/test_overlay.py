import numpy as np
import pytest

from mmroi.visualization import draw_overlay, person_colors

FOCAL, CENTER, SIZE = 300.0, (100.0, 80.0), (160, 200)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


def test_overlay_draws_on_a_copy(photo, ball):
    before = photo.copy()
    picture = draw_overlay(photo, *ball((0, 0, 3)), FOCAL, CENTER)
    np.testing.assert_array_equal(photo, before)
    changed = (picture != photo).any(axis=-1)
    assert changed[80, 100] and not changed[5, 5]
    np.testing.assert_array_equal(draw_overlay(photo, *ball((0, 0, 3)), FOCAL, CENTER, opacity=0), photo)


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_people_hide_each_other_by_depth_in_any_order(photo, ball, order):
    """Three balls in a line to the right and away: each hides a part of the next."""
    balls = [ball((0.25 * k, 0, 3 + k), radius=0.3) for k in range(3)]
    colors = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)])
    vertices = np.stack([balls[k][0] for k in order])
    black = np.zeros_like(photo)
    picture = draw_overlay(black, vertices, balls[0][1], FOCAL, CENTER, colors[list(order)], opacity=1)
    # Centers are at columns 100, 118.75 and 130; radii are 30, 22.5 and 18 pixels, perspective apart.
    for column, owner in ((85, 0), (115, 0), (125, 0), (134, 1), (139, 1), (145, 2)):
        assert picture[80, column].argmax() == owner, column


def test_faces_that_pass_through_each_other_are_cut_where_they_meet(photo, ball):
    (left, faces), (right, _) = ball((-0.15, 0, 3), 0.3), ball((0.15, 0, 3), 0.3)
    blue_red = [(255, 0, 0), (0, 0, 255)]
    picture = draw_overlay(np.zeros_like(photo), np.stack([left, right]), faces, FOCAL, CENTER, blue_red)
    owner = picture[80].argmax(axis=-1)
    assert (owner[75:98] == 0).all() and (owner[103:125] == 2).all()


def test_a_person_keeps_colors_when_others_come_and_go(photo, ball):
    (first, faces), (second, _) = ball((-0.5, 0, 3)), ball((0.5, 0, 3))
    both = draw_overlay(photo, np.stack([first, second]), faces, FOCAL, CENTER, person_colors([4, 11]))
    alone = draw_overlay(photo, second, faces, FOCAL, CENTER, person_colors([11]))
    np.testing.assert_array_equal(both[:, 110:], alone[:, 110:])


def test_bodies_behind_the_camera_leave_the_photo_alone(photo, ball):
    np.testing.assert_array_equal(draw_overlay(photo, *ball((0, 0, -3)), FOCAL, CENTER), photo)


def test_two_focal_lengths(photo, ball):
    """A ball left of and above the axis: its silhouette is an ellipse where both say."""
    black = np.zeros_like(photo)
    drawn = draw_overlay(black, *ball((-0.3, -0.3, 6), 0.2), (400.0, 200.0), CENTER).any(-1)
    rows, columns = np.nonzero(drawn)
    assert columns.mean() == pytest.approx(80, abs=0.5) and rows.mean() == pytest.approx(70, abs=0.5)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(2, abs=0.15)
    np.testing.assert_array_equal(
        draw_overlay(photo, *ball((0, 0, 3)), (FOCAL, FOCAL), CENTER),
        draw_overlay(photo, *ball((0, 0, 3)), FOCAL, CENTER),
    )


def test_opacity_mixes(photo, ball):
    """Half opaque is the mean of the photo and the opaque picture."""
    vertices, faces = ball((0, 0, 3))
    opaque, half = (draw_overlay(photo, vertices, faces, FOCAL, CENTER, opacity=o) for o in (1, 0.5))
    np.testing.assert_allclose(half, (photo.astype(float) + opaque) / 2, atol=1.6)
