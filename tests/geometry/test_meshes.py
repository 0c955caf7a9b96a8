import numpy as np

from mmroi.geometry import vertex_normals

OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float32)
OCTAHEDRON_FACES = np.array(
    [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
)


def test_octahedron_normals_point_outwards():
    normals = vertex_normals(OCTAHEDRON, OCTAHEDRON_FACES)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(normals, OCTAHEDRON, atol=1e-7)


def test_equals_a_plain_loop():
    rng = np.random.default_rng(0)
    vertices, faces = rng.normal(size=(50, 3)), rng.integers(0, 50, (120, 3))
    expected = np.zeros((50, 3))
    for a, b, c in faces:
        for corner in (a, b, c):
            expected[corner] += np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(vertices, faces), expected, atol=1e-12)


def test_vertex_without_area_has_no_normal():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    normals = vertex_normals(vertices, np.array([[0, 1, 2], [3, 3, 3]]))
    np.testing.assert_array_equal(normals, [[0, 0, 1]] * 3 + [[0, 0, 0]])
