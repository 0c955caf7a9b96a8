import cv2
import numpy as np
import pytest

from mmroi.visualization import render_meshes

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
