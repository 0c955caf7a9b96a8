from fractions import Fraction

import numpy as np
import pytest

from mmroi.geometry import interpolate, rasterize, rasterizer

SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def square(left, top, right, bottom):
    """Corners of a rectangle, in the order that makes ``SQUARE`` face the camera."""
    return np.array([[left, top], [left, bottom], [right, bottom], [right, top]], dtype=float)


def covered(fragments, width):
    return {(int(p % width), int(p // width)) for p in fragments.pixel_index}


def plain_rasterize(vertices_px, depth, faces, height, width, cull):
    """Exact double loop over faces and pixels: {(x, y): (1 / z, face, perspective weights)}."""
    nearest = {}
    for index, face in enumerate(faces):
        corners = [tuple(map(Fraction, vertices_px[i])) for i in face]
        z = [Fraction(depth[i]) for i in face]
        (ax, ay), (bx, by), (cx, cy) = corners
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or (cull and area > 0):
            continue
        order = (0, 1, 2) if area > 0 else (0, 2, 1)
        for y in range(height):
            for x in range(width):
                weights, inside = [Fraction(0)] * 3, True
                for k in range(3):
                    (px, py), (qx, qy) = corners[order[k]], corners[order[(k + 1) % 3]]
                    value = (qx - px) * (y - py) - (qy - py) * (x - px)
                    left, top = qy < py, qy == py and qx > px
                    inside &= value > 0 or (value == 0 and (left or top))
                    weights[order[(k + 2) % 3]] = value / abs(area)
                if inside:
                    weights = [w / d for w, d in zip(weights, z, strict=True)]
                    inverse = sum(weights)
                    if (x, y) not in nearest or inverse > nearest[x, y][0]:
                        nearest[x, y] = inverse, index, [w / inverse for w in weights]
    return nearest


@pytest.mark.parametrize('cull', [True, False])
@pytest.mark.parametrize('seed', range(4))
def test_equals_an_exact_double_loop(seed, cull):
    rng = np.random.default_rng(seed)
    # A grid of quarter pixels makes pixels on edges and corners, shared edges and empty triangles frequent.
    vertices = rng.integers(-20, 100, (14, 2)) / 4
    depth = rng.choice([1.0, 1.5, 2.0, 4.0], 14)
    faces = rng.integers(0, 14, (25, 3))
    expected = plain_rasterize(vertices, depth, faces, 18, 21, cull)
    fragments = rasterize(vertices, depth, faces, 18, 21, cull_backfaces=cull)
    assert covered(fragments, 21) == set(expected) and (np.diff(fragments.pixel_index) > 0).all()
    for pixel, face, weights, z in zip(*fragments, strict=True):
        inverse, index, exact = expected[pixel % 21, pixel // 21]
        assert abs(z - 1 / inverse) < 1e-12
        # Rounding may decide between two faces only where they meet in depth.
        if face != index:
            alone = plain_rasterize(vertices, depth, faces[[face]], 18, 21, cull=False)
            assert abs(alone[pixel % 21, pixel // 21][0] - inverse) < 1e-12
        else:
            np.testing.assert_allclose(weights, [float(w) for w in exact], atol=1e-12)


def test_pixel_centers_are_integers_and_top_left_edges_belong_to_the_square():
    fragments = rasterize(square(0, 0, 4, 4), np.ones(4), SQUARE, 10, 10)
    assert covered(fragments, 10) == {(x, y) for x in range(4) for y in range(4)}
    fragments = rasterize(square(0.5, 0.5, 4.5, 4.5), np.ones(4), SQUARE, 10, 10)
    assert covered(fragments, 10) == {(x, y) for x in range(1, 5) for y in range(1, 5)}


def test_two_squares_with_a_common_edge_share_no_pixel_and_leave_none_out():
    first = covered(rasterize(square(1, 2, 5, 7), np.ones(4), SQUARE, 10, 10), 10)
    second = covered(rasterize(square(5, 2, 8, 7), np.ones(4), SQUARE, 10, 10), 10)
    assert not first & second
    assert first | second == {(x, y) for x in range(1, 8) for y in range(2, 7)}


def test_every_pixel_of_a_triangulated_area_is_hit_exactly_once():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:9, 0:9]
    grid = np.stack((columns, rows), -1).reshape(-1, 2) * 8.0
    inner = ((grid > 0) & (grid < 64)).all(-1)
    grid[inner] += rng.uniform(-2.5, 2.5, (inner.sum(), 2))
    corner = (9 * np.arange(8)[:, None] + np.arange(8)).ravel()
    faces = np.concatenate([corner[:, None] + half for half in ((0, 9, 10), (0, 10, 1))])
    hits = np.zeros(64 * 64, int)
    for face in faces:
        hits[rasterize(grid, np.ones(81), face[None], 64, 64).pixel_index] += 1
    assert (hits == 1).all()
    assert len(rasterize(grid, np.ones(81), faces, 64, 64).pixel_index) == 64 * 64


def test_weights_are_perspective_correct():
    """Interpolated 3D positions lie on the ray of their pixel; with weights of the screen they would not."""
    points = np.array([[-1.0, -0.8, 1.5], [-0.9, 1.2, 6.0], [1.3, 0.1, 3.0]])
    focal, center = 60.0, np.array([32.0, 24.0])
    face = np.array([[0, 1, 2]])
    fragments = rasterize(focal * points[:, :2] / points[:, 2:] + center, points[:, 2], face, 48, 64)
    surface = interpolate(points, face, fragments)
    pixels = np.stack((fragments.pixel_index % 64, fragments.pixel_index // 64), -1)
    assert len(pixels) > 300
    np.testing.assert_allclose(focal * surface[:, :2] / surface[:, 2:] + center, pixels, atol=2 / 1024)
    np.testing.assert_allclose(surface[:, 2], fragments.depth)
    np.testing.assert_allclose(fragments.barycentric.sum(-1), 1)
    assert fragments.barycentric.min() >= 0


def test_nearer_body_hides_the_other_whatever_the_order():
    near, far = square(2, 2, 6, 6), square(0, 0, 9, 9)
    vertices, depth = np.concatenate((near, far)), np.repeat([2.0, 3.0], 4)
    for faces in (np.concatenate((SQUARE, SQUARE + 4)), np.concatenate((SQUARE + 4, SQUARE))):
        fragments = rasterize(vertices, depth, faces, 9, 9)
        body = faces[fragments.face_index, 0] // 4
        image = np.full((9, 9), -1)
        image.ravel()[fragments.pixel_index] = body
        assert (image[2:6, 2:6] == 0).all() and (image == 0).sum() == 16 and (image == 1).sum() == 65


def test_equal_depth_goes_to_the_first_face():
    vertices = np.concatenate([square(0, 0, 8, 8)] * 2)
    fragments = rasterize(vertices, np.full(8, 2.0), np.concatenate((SQUARE, SQUARE + 4)), 8, 8)
    assert fragments.face_index.max() == 1


def test_intersecting_faces_are_cut_where_they_meet():
    vertices = np.concatenate([square(0, 0, 20, 10)] * 2)
    # 1 / z is linear on the screen: they cross at x = 10.
    depth = 1 / np.array([1.0, 1, 0.5, 0.5, 0.5, 0.5, 1, 1])
    fragments = rasterize(vertices, depth, np.concatenate((SQUARE, SQUARE + 4)), 10, 20)
    x = fragments.pixel_index % 20
    assert (fragments.face_index[x < 10] < 2).all() and (fragments.face_index[x > 10] >= 2).all()


def test_back_faces():
    reversed_square = square(0, 0, 4, 4)[::-1]
    assert len(rasterize(reversed_square, np.ones(4), SQUARE, 8, 8).pixel_index) == 0
    assert len(rasterize(reversed_square, np.ones(4), SQUARE, 8, 8, cull_backfaces=False).pixel_index) == 16


def test_outward_faces_of_a_solid_in_the_camera_frame_are_the_ones_kept():
    """A closed solid looks the same with and without its back faces."""
    faces = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    octahedron = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    points = octahedron @ np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]]) + [0.1, 0.2, 4]
    pixels = 80 * points[:, :2] / points[:, 2:] + 40
    culled = rasterize(pixels, points[:, 2], faces, 80, 80)
    full = rasterize(pixels, points[:, 2], faces, 80, 80, cull_backfaces=False)
    assert len(culled.pixel_index) > 500
    np.testing.assert_array_equal(culled.pixel_index, full.pixel_index)
    np.testing.assert_allclose(culled.depth, full.depth)
    assert culled.depth.min() < 3.25


def test_triangles_that_reach_behind_the_camera_are_dropped():
    vertices, depth = np.concatenate([square(0, 0, 4, 4)] * 2), np.ones(8)
    depth[0] = -1
    fragments = rasterize(vertices, depth, np.concatenate((SQUARE, SQUARE + 4)), 8, 8)
    assert (fragments.face_index >= 2).all() and len(fragments.pixel_index) == 16
    assert len(rasterize(vertices, np.full(8, 0.05), SQUARE, 8, 8, near=0.05).pixel_index) == 0


def test_vertices_without_a_place_on_the_screen_drop_their_triangles_only():
    vertices = np.concatenate([square(0, 0, 4, 4)] * 2)
    for bad in (np.nan, np.inf, -np.inf, 1e300):
        vertices[0, 0] = bad
        fragments = rasterize(vertices, np.ones(8), np.concatenate((SQUARE, SQUARE + 4)), 8, 8)
        assert (fragments.face_index >= 2).all() and len(fragments.pixel_index) == 16


def test_triangle_much_larger_than_the_image_fills_it():
    vertices = np.array([[-90000.0, -90000.0], [-90000.0, 200000.0], [200000.0, -90000.0]])
    fragments = rasterize(vertices, np.array([1.0, 2.0, 3.0]), np.array([[0, 1, 2]]), 37, 53)
    assert len(fragments.pixel_index) == 37 * 53
    assert (fragments.depth > 1).all() and (fragments.depth < 3).all()


def test_outside_the_image_is_nothing_and_across_the_border_is_cut():
    for shift in ((-100, 0), (100, 0), (0, -100), (0, 100)):
        assert len(rasterize(square(0, 0, 9, 9) + shift, np.ones(4), SQUARE, 20, 30).pixel_index) == 0
    cut = rasterize(square(-5, -5, 2, 3), np.ones(4), SQUARE, 20, 30)
    assert covered(cut, 30) == {(x, y) for x in (0, 1) for y in (0, 1, 2)}
    assert len(rasterize(square(25, 15, 99, 99), np.ones(4), SQUARE, 20, 30).pixel_index) == 25


def test_no_faces():
    fragments = rasterize(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 3), int), 4, 4)
    assert [part.shape for part in fragments] == [(0,), (0,), (0, 3), (0,)]


def test_small_chunks_give_the_same_picture(monkeypatch):
    rng = np.random.default_rng(3)
    vertices, depth = rng.uniform(-10, 70, (60, 2)), rng.uniform(1, 3, 60)
    faces = rng.integers(0, 60, (200, 3))
    whole = rasterize(vertices, depth, faces, 60, 60)
    values = rng.normal(size=(60, 4))
    interpolated = interpolate(values, faces, whole)
    monkeypatch.setattr(rasterizer, '_CHUNK_PIXELS', 100)
    monkeypatch.setattr(rasterizer, '_BLOCK', 17)
    for one, other in zip(whole, rasterize(vertices, depth, faces, 60, 60), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(interpolated, interpolate(values, faces, whole))


def test_interpolate_keeps_the_precision_of_the_values():
    fragments = rasterize(square(0, 0, 4, 4), np.ones(4), SQUARE, 4, 4)
    colors = square(0, 0, 4, 4)
    for dtype in (np.float32, np.float64):
        values = interpolate(colors.astype(dtype), SQUARE, fragments)
        assert values.dtype == dtype
        pixels = np.stack((fragments.pixel_index % 4, fragments.pixel_index // 4), -1)
        np.testing.assert_allclose(values, pixels, atol=1e-6)
