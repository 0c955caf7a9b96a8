import numpy as np
import pytest

from mmroi.visualization import draw_side_view, draw_top_view
from mmroi.visualization.views import ABOVE, GRID_METERS, SIDE, fit_view

SIZE = (160, 200)
RED, BLUE = (0, 0, 255), (255, 0, 0)


def covered(picture):
    """Columns and rows of a drawing on light gray."""
    drawn = (picture != picture[0, 0]).any(axis=-1)
    return np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))


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


def places(picture):
    """Mean column and row of the red and of the blue pixels."""
    channels = picture.astype(int)
    reds = channels[..., 2] > channels[..., 0] + 20
    blues = channels[..., 0] > channels[..., 2] + 20
    return [np.argwhere(mask).mean(axis=0)[::-1] for mask in (reds, blues)]


def test_top_view_shows_right_and_far_as_right_and_up(ball):
    (near, faces), (far, _) = ball((0, 0, 3)), ball((1.5, 0, 5))
    red, blue = places(draw_top_view(np.stack([near, far]), faces, SIZE, [RED, BLUE]))
    assert red[0] < blue[0] - 20 and red[1] > blue[1] + 20


@pytest.mark.parametrize('rotation', [SIDE, ABOVE])
def test_views_are_turned_not_mirrored(rotation):
    np.testing.assert_array_equal(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == 1


def test_a_higher_body_hides_a_lower_one_from_above(ball):
    (high, faces), (low, _) = ball((0, -1, 3)), ball((0, 1, 3))  # y is down
    picture = draw_top_view(np.stack([low, high]), faces, SIZE, [RED, BLUE])
    assert picture[80, 100, 0] > picture[80, 100, 2] + 20


def test_fit_fills_the_picture_but_for_the_margin():
    points = np.random.default_rng(0).normal(size=(50, 3)) * (3, 1, 1) + (1, 2, 8)
    pixels = fit_view(points, ABOVE, SIZE, 0.1).project(points)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    np.testing.assert_allclose(low + high, (199, 159), atol=1e-6)  # centerd
    assert np.isclose(((high - low) / (200, 160)).max(), 0.8)


def test_the_grid_lies_at_whole_meters_under_the_feet(ball):
    vertices, faces = ball((0, 0, 3), 0.5)
    plain, gridded = (draw_top_view(vertices, faces, SIZE, grid=grid) for grid in (False, True))
    lines = (gridded != plain).any(axis=-1)
    assert lines.any() and not lines[70:90, 90:110].any()  # the body hides it
    view = fit_view(vertices, ABOVE, SIZE, 0.08)
    column = round(view.project(np.array([0, vertices[:, 1].max(), 3]))[0])  # x = 0
    assert np.abs(gridded[3, column - 1 : column + 2].astype(int) - GRID_METERS).max(axis=-1).min() < 16
    left, right = (view.project(np.array([x, vertices[:, 1].max(), 3]))[0] for x in (-0.5, 0.5))
    rows = np.flatnonzero(lines[3])
    for column in (left, right):
        assert np.abs(rows - column).min() <= 1.5


def test_side_view_ground_is_below_everybody(ball):
    (one, faces), (two, _) = ball((0, 0, 3)), ball((0, 0.8, 4))
    stack = np.stack([one, two])
    plain, gridded = (draw_side_view(stack, faces, SIZE, grid=grid) for grid in (False, True))
    body = (plain != plain[0, 0]).any(axis=-1)
    np.testing.assert_array_equal(plain[body][:, 0] > 0, gridded[body][:, 0] > 0)
    lines = (gridded != plain).any(axis=-1)
    assert np.flatnonzero(lines.any(axis=1)).min() > SIZE[0] / 2


def test_a_huge_scene_has_few_lines(ball):
    (near, faces), (far, _) = ball((0, 0, 3)), ball((0, 0, 2e5))
    assert draw_top_view(np.stack([near, far]), faces, SIZE).shape == (*SIZE, 3)


@pytest.mark.parametrize('draw', [draw_side_view, draw_top_view])
def test_nobody_is_an_empty_picture_and_bad_input_a_sentence(draw, ball):
    vertices, faces = ball((0, 0, 3))
    for nobody in (np.zeros((0, 642, 3)), np.zeros((0, 3)), []):
        assert len(np.unique(draw(nobody, faces, SIZE))) == 1
    with pytest.raises(ValueError, match='colors must be one .* for each of 1 people'):
        draw(vertices, faces, SIZE, colors=[RED, BLUE])
    with pytest.raises(ValueError, match='faces refer to vertices up to'):
        draw(vertices[:100], faces, SIZE)
    vertices[3, 2] = np.inf
    with pytest.raises(ValueError, match='vertices of body 0 of 1 have NaN or infinite values'):
        draw(vertices, faces, SIZE)
