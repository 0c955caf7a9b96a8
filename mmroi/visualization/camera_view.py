"""The cameras of all RoIs of people: where they agree, their losses do their work."""

from collections.abc import Sequence

import numpy as np

from .arguments import as_bodies, as_colors
from .colors import person_colors
from .overlay import PAPER, draw_overlay
from .strokes import line
from .views import ABOVE, draw_grid, fit_view


def draw_cameras(
    vertices: np.ndarray,
    faces: np.ndarray,
    full_cameras: np.ndarray,
    camera_translation: np.ndarray,
    image_size: Sequence[int] = (720, 1280),
    colors: Sequence[Sequence[int]] | None = None,
    ids: Sequence[int] | None = None,
) -> np.ndarray:
    """Draws people from above with the full camera of each of their RoIs.

    Every RoI of a person says where the one camera of the photograph stands. Seen from the body, which stays
    where the averaged camera has it, the camera of RoI m stands at `camera_translation - full_cameras[m]`;
    consistent cameras are all at the origin.

    Args:
        vertices: Bodies in the camera frame (`camera_translation` added), (P, V, 3), metres.
        faces: Triangles of one body, (F, 3).
        full_cameras: (P, M, 3) translation of each RoI, metres (`mmroi.geometry.local_to_full`).
        camera_translation: (P, 3) averaged translation that the vertices have, metres.
        image_size: Height and width of the picture.
        colors: One BGR colour for each person; those of the ids by default.
        ids: Number of each person, for the captions; 0, 1, ... by default.

    Returns:
        A picture on light grey, (H, W, 3) uint8; empty where there is no body.

    Raises:
        ValueError: If an array has another shape or is not finite.
    """
    paper = np.full((*image_size, 3), PAPER, np.uint8)
    bodies = as_bodies(vertices)
    if bodies.size == 0:
        return paper
    ids = range(len(bodies)) if ids is None else ids
    paint = as_colors(person_colors(ids) if colors is None else colors, len(bodies))
    positions = np.asarray(camera_translation)[:, None] - np.asarray(full_cameras)
    points = np.concatenate([bodies.reshape(-1, 3), positions.reshape(-1, 3)])
    view = fit_view(points, ABOVE, image_size, 0.08)
    draw_grid(paper, view, points)
    for body, cameras, color in zip(bodies, positions, paint, strict=True):
        for camera in cameras:
            line(paper, *view.project(np.stack([camera, body.mean(axis=0)])), color)
    return draw_overlay(
        paper, view.place(bodies), faces, view.focal_length, view.principal_point, paint, opacity=1.0
    )
