import cv2
import numpy as np
import pytest

from mmroi.visualization import draw_overlay, person_colors, render_meshes

FOCAL, CENTER, SIZE = 300.0, (100.0, 80.0), (160, 200)
RED, BLUE = (0, 0, 255), (255, 0, 0)


def render(vertices, faces, **kwargs):
    """Color and alpha of the whole picture."""
    rendering = render_meshes(vertices, faces, FOCAL, CENTER, SIZE, **kwargs)
    white = rendering.over(np.full((*SIZE, 3), 255, np.uint8)).astype(float)
    black = rendering.over(np.zeros((*SIZE, 3), np.uint8)).astype(float)
    return black, 1 - (white - black)[..., 0] / 255


def test_silhouette_is_the_projection_of_the_faces(body):
    vertices, faces = body
    pixels = FOCAL * vertices[:, :2] / vertices[:, 2:] + CENTER
    expected = np.zeros(SIZE, np.uint8)
    for triangle in pixels[faces]:
        cv2.fillConvexPoly(expected, np.rint(triangle * 16).astype(np.int32), 1, shift=4)
    _, alpha = render(vertices, faces)
    inside = cv2.erode(expected, np.ones((5, 5))) > 0  # OpenCV fills borders, and narrow gaps, too
    outside = cv2.dilate(expected, np.ones((3, 3))) == 0
    assert inside.sum() > 500
    assert (alpha[inside] == 1).mean() > 0.995 and (alpha[outside] == 0).all()


def test_center_and_area_of_a_ball(ball):
    vertices, faces = ball((0.2, -0.1, 3.0), 0.3)
    _, alpha = render(vertices, faces, supersample=4)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    # A ball at depth z is seen nearly as a circle of radius f r / sqrt(z^2 - r^2) about its center.
    assert (x * alpha).sum() / alpha.sum() == pytest.approx(100 + 300 * 0.2 / 3, abs=0.25)
    assert (y * alpha).sum() / alpha.sum() == pytest.approx(80 - 300 * 0.1 / 3, abs=0.25)
    assert alpha.sum() == pytest.approx(np.pi * (300 * 0.3) ** 2 / (3**2 - 0.3**2), rel=0.02)


def test_edges_are_smooth(ball):
    _, alpha = render(*ball((0, 0, 3)))
    partial = (alpha > 0.1) & (alpha < 0.9)
    assert partial.sum() > 50
    _, rough = render(*ball((0, 0, 3)), supersample=1)
    assert set(np.unique(rough)) == {0, 1}


@pytest.mark.parametrize('near_first', [True, False])
def test_the_nearer_body_hides_the_other_whatever_the_order(ball, near_first):
    (near, faces), (far, _) = ball((0, 0, 2)), ball((0, 0, 4), radius=1.2)
    order = [(near, RED), (far, BLUE)] if near_first else [(far, BLUE), (near, RED)]
    color, _ = render(np.stack([v for v, _ in order]), faces, colors=[c for _, c in order])
    blue, _, red = color[80, 100]
    assert red > 100 > blue
    blue, _, red = color[80, 30]
    assert blue > 100 > red


def test_light_comes_from_above(ball):
    color, _ = render(*ball((0, 0, 3)))
    assert color[60, 100].sum() > 1.2 * color[100, 100].sum()


def test_nothing_in_view_leaves_the_photo_alone(ball):
    photo = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    for vertices, faces in (ball((0, 0, -3)), ball((50, 0, 3)), ball((0, 0, 0.02), 0.01)):
        rendering = render_meshes(vertices, faces, FOCAL, CENTER, SIZE)
        assert rendering.alpha.size == 0
        np.testing.assert_array_equal(rendering.over(photo), photo)
    rendering = render_meshes(np.zeros((0, 642, 3)), faces, FOCAL, CENTER, SIZE)
    np.testing.assert_array_equal(rendering.over(photo), photo)


def test_a_body_partly_behind_the_camera_is_drawn_where_it_is_in_front(ball):
    color, alpha = render(*ball((0, 0, 0.2), 0.5))
    assert np.isfinite(color).all() and 0 <= alpha.min() and alpha.max() <= 1


def test_clipped_by_the_frame(ball):
    _, alpha = render(*ball((0.9, 0, 3), 0.5))
    assert alpha[:, -1].any() and not alpha[:, 0].any()


def test_bad_vertices_are_refused(ball):
    vertices, faces = ball((0, 0, 3))
    with pytest.raises(ValueError, match=r'not .*642, 2\)'):
        render(vertices[:, :2], faces)
    vertices[5, 1] = np.nan
    with pytest.raises(ValueError, match='NaN'):
        render(vertices, faces)


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
