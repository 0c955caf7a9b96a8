"""Draw the RoIs of people: their boxes on the image, and how well their cameras agree."""

from collections.abc import Sequence

import numpy as np
import torch

from mmroi.geometry import camera_spread
from mmroi.visualization.colors import Colors, as_colors, person_colors
from mmroi.visualization.drawing import PAPER, Labels, disc, line, text_width, write
from mmroi.visualization.rendering import as_bodies, draw_overlay
from mmroi.visualization.views import draw_grid, fit_view

SHADOW = (40, 40, 40)
_THINNEST = 0.4  # of the lines around small people


def draw_rois(
    image: np.ndarray,
    boxes: np.ndarray,
    principal_point: Sequence[float] | np.ndarray,
    aspect: float = 0.75,
    colors: Colors | None = None,
) -> np.ndarray:
    """Draw the M RoIs of each person; the base box has a thicker line, and large boxes have their numbers.

    Args:
        image: BGR image, (H, W, 3) uint8; not modified.
        boxes: (P, M, 3) center x, center y and height, pixels relative to the principal point.
        principal_point: x, y in pixels.
        aspect: Width / height of the crops.
        colors: One BGR color per person.

    Returns:
        A new image, (H, W, 3) uint8.

    Raises:
        ValueError: If boxes or colors have the wrong shape or are not finite.
    """
    boxes = np.asarray(boxes, np.float64)
    if boxes.size == 0:
        return image.copy()
    if boxes.ndim != 3 or boxes.shape[2] != 3 or not np.isfinite(boxes).all():
        raise ValueError(f'boxes must be (P, M, 3) and finite, not {boxes.shape}')
    drawn = image.copy()
    short = min(image.shape[:2])
    unit = max(short / 480, 0.5)  # line width, pixels
    paints = as_colors(colors, len(boxes))
    for person, color in zip(boxes, paints, strict=True):
        thin = unit * min(max(4 * person[0, 2] / short, _THINNEST), 1)
        for roi in reversed(range(len(person))):  # the base box on top
            corners = _corners(person[roi], principal_point, aspect)
            width = thin * (3 if roi == 0 else 1)
            for paint, thickness in ((SHADOW, width + 2 * thin), (color, width)):
                for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                    line(drawn, start, end, paint, thickness)
            disc(drawn, corners.mean(axis=0), 2 * thin, color)
    labels, height = Labels(drawn), 11 * unit
    for person, color in zip(boxes, paints, strict=True):
        for roi, box in enumerate(person):
            number = str(roi + 1)
            room = np.array([4 * unit, 4 * unit, -4 * unit - text_width(number, height), -4 * unit])
            x1, y1, x2, y2 = _corners(box, principal_point, aspect)[[0, 2]].reshape(4) + room
            if box[2] > 9 * height:
                labels.write(number, _along_edges(x1, y1 + height, x2, y2), color, height, SHADOW)
    return drawn


def _corners(box: np.ndarray, principal_point: Sequence[float] | np.ndarray, aspect: float) -> np.ndarray:
    """Return the corners of a RoI in pixels, (4, 2), clockwise from above left."""
    half = box[2] / 2 * np.array([aspect, 1])
    return box[:2] + np.asarray(principal_point) + half * [(-1, -1), (1, -1), (1, 1), (-1, 1)]


def _along_edges(x1: float, y1: float, x2: float, y2: float) -> list[tuple[float, float]]:
    """Return places on the edges of a box: the corners first."""
    corners = [(x1, y1), (x2, y1), (x1, y2), (x2, y2)]
    between = np.linspace(0, 1, 32)[1:-1]
    xs, ys = x1 + between * (x2 - x1), y1 + between * (y2 - y1)
    edges = [[(x, y1) for x in xs], [(x1, y) for y in ys], [(x2, y) for y in ys], [(x, y2) for x in xs]]
    return corners + [place for edge in edges for place in edge]


# Rows: right, down and forward in the camera frame. Seen from above with depth to the right.
FROM_ABOVE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
FROM_BEHIND = np.eye(3)
MAX_CAPTIONS = 10
PANEL, RING, TEXT = 255, (215, 215, 215), (110, 110, 110)


def draw_cameras(
    vertices: np.ndarray,
    faces: np.ndarray,
    full_cameras: np.ndarray,
    camera_translation: np.ndarray,
    image_size: Sequence[int] = (720, 1280),
    colors: Colors | None = None,
    ids: Sequence[int] | None = None,
) -> np.ndarray:
    """Draw people from above with the full camera of each of their RoIs, and the cameras magnified.

    Each RoI of a person estimates the position of the image's camera. Relative to the body, which is placed
    with the averaged camera, the camera of RoI m is at ``camera_translation - full_cameras[m]``; cameras that
    agree are all at the origin. The panels on the right magnify the cameras, seen from above and from behind,
    over labeled circles. The captions give ``camera_spread`` of as many people as there is room for.

    Args:
        vertices: Bodies in the camera frame (``camera_translation`` added), (P, V, 3), meters.
        faces: Triangles of one body, (F, 3).
        full_cameras: (P, M, 3) translation of each RoI, meters (``mmroi.geometry.local_to_full``).
        camera_translation: (P, 3) averaged translation that the vertices have, meters.
        image_size: Height and width of the image; wider than half its height.
        colors: One BGR color per person; by default the colors of ``ids``.
        ids: One number per person, for the captions; 0, 1, ... by default.

    Returns:
        BGR image with light gray background, (H, W, 3) uint8; only background if there is no body.

    Raises:
        ValueError: If an argument has the wrong shape or is not finite.
    """
    height, width = image_size
    side = height // 2
    if width <= side:
        raise ValueError(f'image_size must be wider than half its height, not {width} x {height} pixels')
    bodies = as_bodies(vertices)
    ids = range(len(bodies)) if ids is None else ids
    paint = as_colors(person_colors(ids) if colors is None else colors, len(bodies))
    if len(bodies) == 0:
        return np.full((height, width, 3), PAPER, np.uint8)
    offsets = _offsets(full_cameras, camera_translation, len(bodies))
    spreads = camera_spread(torch.as_tensor(offsets)).tolist()
    captions = [f'person {i}: spread {_length(s)}' for i, s in zip(ids, spreads, strict=True)]
    inks = list(_inks(paint))
    if len(captions) > MAX_CAPTIONS:
        kept = MAX_CAPTIONS - 1
        captions[kept:], inks[kept:] = [f'and {len(captions) - kept} more'], [TEXT]
    unit = height / 60
    head = np.full((round((2 * len(captions) + 1) * unit), width - side, 3), PAPER, np.uint8)
    for k, (caption, color) in enumerate(zip(captions, inks, strict=True)):
        write(head, caption, (unit, (k + 1) * 2 * unit), color, unit)
    scene = _draw_scene(bodies, faces, offsets, (height - len(head), width - side), paint)
    radius = _round_up(max(float(np.linalg.norm(offsets, axis=-1).max()), 1e-4))
    panels = [
        _draw_panel((offsets @ rotation.T)[..., :2], radius, (rows, side), f'cameras {name}', paint)
        for rows, rotation, name in (
            (side, FROM_ABOVE, 'from above'),
            (height - side, FROM_BEHIND, 'from behind'),
        )
    ]
    return np.hstack([np.vstack([head, scene]), np.vstack(panels)])


def _offsets(full_cameras: np.ndarray, camera_translation: np.ndarray, count: int) -> np.ndarray:
    """Return the position of each RoI's camera relative to the averaged one, (P, M, 3) meters."""
    cameras, average = np.asarray(full_cameras, np.float64), np.asarray(camera_translation, np.float64)
    if cameras.ndim != 3 or len(cameras) != count or cameras.shape[2] != 3 or cameras.shape[1] == 0:
        raise ValueError(f'full_cameras must be ({count}, M, 3), one for each body, not {cameras.shape}')
    if average.shape != (count, 3):
        raise ValueError(f'camera_translation must be ({count}, 3), not {average.shape}')
    offsets = average[:, None] - cameras
    if not np.isfinite(offsets).all():
        raise ValueError('full_cameras or camera_translation have NaN or infinite values')
    return offsets


def _draw_scene(
    bodies: np.ndarray, faces: np.ndarray, offsets: np.ndarray, image_size: Sequence[int], paint: np.ndarray
) -> np.ndarray:
    """Draw people and cameras from above, with lines from each camera to its body."""
    points = np.concatenate([bodies.reshape(-1, 3), offsets.reshape(-1, 3)])
    view = fit_view(points, FROM_ABOVE, image_size, 0.1)
    drawn = np.full((*image_size, 3), PAPER, np.uint8)
    draw_grid(drawn, view, points)
    unit = min(image_size) / 540
    size = 0.06 * np.ptp(points, axis=0).max()  # of a camera's symbol, meters
    frame = np.array([[-0.6, 0, 1], [0.6, 0, 1]]) * size
    for body, cameras, ink in zip(bodies, offsets, _inks(paint), strict=True):
        for camera in cameras:
            apex, left, right, target = view.project(np.stack([camera, *(camera + frame), body.mean(axis=0)]))
            line(drawn, apex, target, ink, unit)
            for start, end in ((apex, left), (left, right), (right, apex)):
                line(drawn, start, end, ink, 1.2 * unit)
    placed = view.place(bodies)
    return draw_overlay(drawn, placed, faces, view.focal_length, view.principal_point, paint, opacity=1.0)


def _draw_panel(
    points: np.ndarray, radius: float, size: tuple[int, int], title: str, paint: np.ndarray
) -> np.ndarray:
    """Draw points (P, M, 2) in meters around the averaged camera, labeled with their RoIs."""
    panel = np.full((*size, 3), PANEL, np.uint8)
    panel[:2] = panel[:, :2] = RING
    unit = size[0] / 30
    center = np.array([size[1], size[0] + unit]) / 2  # the title is above
    scale = (min(size) / 2 - 2 * unit) / radius
    for part in (0.5, 1):
        disc(panel, center, part * radius * scale, RING, width=1)
    for arm in np.eye(2) * radius * scale:
        line(panel, center - arm, center + arm, RING)
    labels, height = Labels(panel), 0.75 * unit
    for cameras, color, ink in zip(points, paint, _inks(paint), strict=True):
        for camera in reversed(cameras):
            at = center + camera * scale
            disc(panel, at, 0.4 * unit, color)
            disc(panel, at, 0.4 * unit, ink, width=1)
            labels.reserve(at, 0.4 * unit)
    for cameras, ink in zip(points, _inks(paint), strict=True):
        for roi, camera in enumerate(cameras):
            number = str(roi + 1)
            labels.write(number, _around(center + camera * scale, number, height, unit), ink, height)
    for part in (0.5, 1):
        below = center + (0.25 * unit, part * radius * scale - 0.35 * unit)
        labels.write(_length(part * radius), [below], TEXT, height)
    write(panel, title, (0.7 * unit, 1.6 * unit), TEXT, unit)
    return panel


def _around(at: np.ndarray, text: str, height: float, unit: float) -> list[tuple[float, float]]:
    """Return places of a label beside a disc: in the corners, then at the sides, then farther away."""
    places = []
    for gap in (0.45 * unit, 0.9 * unit):
        left, right = at[0] - gap - text_width(text, height), at[0] + gap
        above, below = at[1] - gap, at[1] + gap + height
        places += [(right, above), (left, above), (right, below), (left, below)]
        places += [(right, at[1] + height / 2), (left, at[1] + height / 2)]
    return places


def _inks(paint: np.ndarray) -> np.ndarray:
    """Darken colors for lines and text on a light background."""
    return (paint * 0.6).astype(np.int64)


def _round_up(length: float) -> float:
    """Round up to 1, 2, 3 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(length))
    return next(float(step * power) for step in (1, 2, 3, 5, 10) if length <= step * power)


def _length(meters: float) -> str:
    if meters < 0.01:
        return f'{1000 * meters:.2g} mm'
    return f'{100 * meters:.3g} cm' if meters < 1 else f'{meters:.3g} m'
