"""Checks of what pictures and files of meshes are made from: one sentence says what is wrong."""

import numpy as np

from mmroi.visualization.colors import Colors, person_colors


def as_bodies(vertices: np.ndarray) -> np.ndarray:
    """Vertices of one or several bodies as one kind of array.

    Args:
        vertices: (P, V, 3) or (V, 3), meters.

    Returns:
        (P, V, 3) float64; P may be 0.

    Raises:
        ValueError: If vertices have another shape or are not finite.
    """
    vertices = np.asarray(vertices, np.float64)
    if vertices.size == 0:
        return vertices.reshape(0, vertices.shape[-2] if vertices.ndim > 1 else 0, 3)
    bodies = vertices[None] if vertices.ndim == 2 else vertices
    if bodies.ndim != 3 or bodies.shape[2] != 3:
        raise ValueError(f'vertices must be (P, V, 3) or (V, 3), not {vertices.shape}')
    bad = np.flatnonzero(~np.isfinite(bodies).all(axis=(1, 2)))
    if len(bad):
        raise ValueError(f'vertices of body {bad[0]} of {len(bodies)} have NaN or infinite values')
    return bodies


def as_faces(faces: np.ndarray, num_vertices: int) -> np.ndarray:
    """Triangles of a body.

    Args:
        faces: (F, 3) indices of vertices.
        num_vertices: V of the bodies.

    Returns:
        (F, 3) int64.

    Raises:
        ValueError: If faces have another shape or name vertices that there are not.
    """
    faces = np.asarray(faces)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f'faces must be (F, 3), not {faces.shape}')
    if faces.size and not (0 <= faces.min() and faces.max() < num_vertices):
        raise ValueError(f'faces name vertices up to {faces.max()}, but a body has {num_vertices}')
    return faces.astype(np.int64, copy=False)


def as_colors(colors: Colors | None, count: int) -> np.ndarray:
    """The colors of people; those of the first ids where none are given.

    Args:
        colors: One BGR color (0-255) for each, or None.
        count: Number of people.

    Returns:
        (P, 3) int64.

    Raises:
        ValueError: If there is not one BGR color of 0 to 255 for each person.
    """
    result = np.array(person_colors(range(count)) if colors is None else colors, np.float64)
    if count == 0:
        return np.zeros((0, 3), np.int64)
    if result.shape != (count, 3) or not ((result >= 0) & (result <= 255)).all():
        raise ValueError(f'colors must be one (blue, green, red) of 0 to 255 for each of {count} people')
    return np.rint(result).astype(np.int64)
