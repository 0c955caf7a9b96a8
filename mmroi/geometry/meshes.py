"""Triangle meshes in NumPy."""

from __future__ import annotations

import numpy as np


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Compute area-weighted unit normals of vertices.

    Args:
        vertices: (V, 3).
        faces: (F, 3) vertex indices, counter-clockwise seen from outside for outward normals.

    Returns:
        (V, 3) in the dtype of ``vertices``; zero for vertices without a face of positive area.
    """
    corners = vertices[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    indices = faces.ravel()
    sums = [np.bincount(indices, weights=np.repeat(n, 3), minlength=len(vertices)) for n in face_normals.T]
    normals = np.stack(sums, -1)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return (normals / np.where(length > 0, length, 1)).astype(vertices.dtype)
