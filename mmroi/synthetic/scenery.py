"""Things behind the people: furniture, buildings, trees, and clutter without a recognizable place."""

import cv2
import numpy as np

from mmroi.synthetic.scene import Scene
from mmroi.synthetic.textures import SURFACES, load, muted

# Visible sides of a box: four of its corners each, and their brightness.
_SIDES = (
    ((4, 5, 7, 6), 1.0),  # towards the camera
    ((0, 2, 3, 1), 1.0),
    ((0, 4, 6, 2), 0.8),
    ((1, 3, 7, 5), 0.7),
    ((2, 6, 7, 3), 1.15),  # top
)


def vivid(rng: np.random.Generator) -> np.ndarray:
    """Draw a BGR color (3,): mostly muted, sometimes saturated."""
    if rng.random() < 0.82:
        return muted(rng, 25, 230, 0.12)
    hsv = np.array([[[rng.integers(180), rng.integers(60, 190), rng.integers(40, 220)]]], np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(float)


def _to_linear(color: np.ndarray) -> np.ndarray:
    return ((np.clip(color, 0, 255) / 255) ** 2.2).astype(np.float32)


def _fill(colors: np.ndarray, polygon: np.ndarray, color: np.ndarray) -> None:
    """Blend a convex or star-shaped polygon (n, 2) into linear colors, with smooth edges."""
    height, width = colors.shape[:2]
    low = np.maximum(np.floor(polygon.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(polygon.max(0)).astype(int) + 2, (width, height))
    if (high <= low).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((polygon - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    patch = colors[low[1] : high[1], low[0] : high[0]]
    patch += (mask.astype(np.float32) / 255)[..., None] * (_to_linear(color) - patch)


def _inner(quad: np.ndarray, u0: float, v0: float, u1: float, v1: float) -> np.ndarray:
    """Return the part (4, 2) of a quadrilateral between fractions of its sides."""
    u, v = np.array([u0, u1, u1, u0])[:, None], np.array([v0, v0, v1, v1])[:, None]
    a, b, c, d = quad
    return (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)


def _grid(
    rng: np.random.Generator,
    colors: np.ndarray,
    quad: np.ndarray,
    rows: int,
    columns: int,
    gap: float,
    shade: float,
    color: np.ndarray,
    filled: float,
) -> None:
    """Draw windows, drawers or books on a side of a box."""
    for i in range(rows):
        for j in range(columns):
            if rng.random() > filled:
                continue
            part = _inner(
                quad, (j + gap) / columns, (i + gap) / rows, (j + 1 - gap) / columns, (i + 1 - gap) / rows
            )
            tone = color * rng.uniform(0.8, 1.2) if rows * columns > 24 or rng.random() < 0.8 else vivid(rng)
            _fill(colors, part, tone * shade)


def _box(
    rng: np.random.Generator,
    scene: Scene,
    colors: np.ndarray,
    at: np.ndarray,
    size: np.ndarray,
    yaw: float,
    lift: float,
    pattern: tuple[int, int, float],
) -> None:
    """Draw a box of size (3,) that stands on the floor (or ``lift`` meters above it) at ``at`` (x, z)."""
    unit = np.array([[i, j, k] for k in (0, 1) for j in (0, 1) for i in (0, 1)], float) - (0.5, 0, 0.5)
    cos, sin = np.cos(yaw), np.sin(yaw)
    corners = unit * size @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    corners = scene.to_camera(corners + (at[0], lift - scene.floor, at[1]))
    if corners[:, 2].min() < 0.5:
        return
    points, middle = scene.camera.project(corners), corners.mean(0)
    big = size.max() > 5
    color, other = (muted(rng, 50, 215, 0.08) if big else vivid(rng) for _ in range(2))
    rows, columns, gap = pattern
    for index, brightness in _SIDES:
        side = corners[list(index)]
        normal = np.cross(side[1] - side[0], side[3] - side[0])
        if (normal @ (side.mean(0) - middle) > 0) != (normal @ side[0] < 0):
            continue
        quad = points[list(index)]
        _fill(colors, quad, color * brightness)
        if index[1] != 6 and rows:
            _grid(rng, colors, quad, rows, columns, gap, brightness, 0.8 * other, 0.95)


def _behind(scene: Scene) -> float:
    """Return the distance of the farthest person along the world's depth axis, meters."""
    return float(max(-(scene.camera.rotation.T @ person.pelvis)[2] for person in scene.people))


def _places(
    rng: np.random.Generator, scene: Scene, number: int, near: float, far: float
) -> list[tuple[float, float]]:
    """Draw places (x, z) in view, from far to near."""
    half = 0.6 * scene.camera.width / scene.camera.focal_length
    depth = np.sort(near * (far / near) ** rng.random(number))[::-1]
    return [(float(z * rng.uniform(-half, half)), -float(z)) for z in depth]


def furnish(rng: np.random.Generator, scene: Scene, colors: np.ndarray, room: float) -> None:
    """Draw furniture behind the people: shelves, tables, sofas and things on the floor.

    Args:
        rng: Random generator.
        scene: The scene.
        colors: (H, W, 3) linear BGR background, changed in place.
        room: Distance of the back wall, meters.
    """
    near = _behind(scene) + 1.4
    for at in _places(rng, scene, int(rng.integers(1, 6)), near, max(room - 0.3, near + 0.1)):
        yaw, kind = rng.normal(0, 0.3), rng.random()
        if kind < 0.3:  # shelf or cupboard
            size = np.array([rng.uniform(0.5, 2.0), rng.uniform(0.8, 2.2), rng.uniform(0.3, 0.6)])
            pattern = (int(rng.integers(2, 6)), int(rng.integers(1, 8)), float(rng.uniform(0.03, 0.12)))
            _box(rng, scene, colors, np.array(at), size, yaw, 0.0, pattern)
        elif kind < 0.6:  # table
            size = np.array([rng.uniform(0.8, 2.0), 0.05, rng.uniform(0.5, 0.9)])
            height = rng.uniform(0.45, 1.0)
            leg = np.array([0.07, height, 0.07])
            for side in (-0.45, 0.45):
                foot = np.array(at) + (side * size[0] * np.cos(yaw), -side * size[0] * np.sin(yaw))
                _box(rng, scene, colors, foot, leg, yaw, 0.0, (0, 0, 0.0))
            _box(rng, scene, colors, np.array(at), size, yaw, height, (0, 0, 0.0))
            thing = rng.uniform(0.1, 0.4, 3)
            _box(rng, scene, colors, np.array(at), thing, yaw, height + 0.05, (1, 1, 0.15))
        elif kind < 0.8:  # sofa
            width = rng.uniform(0.8, 2.2)
            back = np.array(at) - (0, 0.4)
            _box(rng, scene, colors, back, np.array([width, 0.9, 0.2]), yaw, 0.0, (0, 0, 0.0))
            size = np.array([width, 0.45, 0.8])
            _box(rng, scene, colors, np.array(at), size, yaw, 0.0, (1, int(rng.integers(1, 4)), 0.03))
        else:
            _box(rng, scene, colors, np.array(at), rng.uniform(0.2, 0.9, 3), yaw, 0.0, (1, 1, 0.1))


def _tree(rng: np.random.Generator, scene: Scene, colors: np.ndarray, at: tuple[float, float]) -> None:
    height, radius = rng.uniform(2.5, 8.0), rng.uniform(0.8, 2.5)
    base = scene.to_camera(np.array([at[0], -scene.floor, at[1]]))
    top = scene.to_camera(np.array([at[0], height - scene.floor, at[1]]))
    if min(base[2], top[2]) < 1:
        return
    foot, head = scene.camera.project(base), scene.camera.project(top)
    pixels = scene.camera.focal_length / float(top[2])
    wide = np.array([0.12 * pixels * rng.uniform(0.6, 1.6), 0])
    trunk = np.array([40, 55, 70]) * rng.uniform(0.5, 1.4)
    _fill(colors, np.array([foot - wide, foot + wide, head + 0.5 * wide, head - 0.5 * wide]), trunk)
    leaves = np.array([32, 66, 50]) * np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.1, 3))
    corners = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for k in range(16):
        center = head + rng.normal(0, 0.45, 2) * radius * pixels * (1.0, 0.8)
        round_ = radius * pixels * rng.uniform(0.2, 0.5) * rng.uniform(0.7, 1.3, 14)
        blob = center + np.stack([np.cos(corners), np.sin(corners)], -1) * round_[:, None]
        _fill(colors, blob, leaves * (0.6 + 0.045 * k + rng.normal(0, 0.08)))


def populate_outdoors(rng: np.random.Generator, scene: Scene, colors: np.ndarray) -> None:
    """Draw buildings and trees behind the people, and low walls, cars or benches, in place."""
    near = _behind(scene) + 3.0
    if rng.random() < 0.5:
        for at in _places(rng, scene, int(rng.integers(1, 5)), near + 10, near + 60):
            size = np.array([rng.uniform(6, 25), rng.uniform(3, 20), rng.uniform(5, 15)])
            pattern = (int(size[1] / 3), int(size[0] / rng.uniform(2, 4)), float(rng.uniform(0.15, 0.3)))
            _box(rng, scene, colors, np.array(at), size, rng.normal(0, 0.4), 0.0, pattern)
    for at in _places(rng, scene, int(rng.integers(0, 5)), near, near + 25):
        kind = rng.random()
        if kind < 0.55:
            _tree(rng, scene, colors, at)
        elif kind < 0.8:  # wall or fence
            size = np.array([rng.uniform(2, 12), rng.uniform(0.4, 1.8), 0.2])
            pattern = (int(rng.integers(0, 3)), int(rng.integers(1, 20)), 0.06)
            _box(rng, scene, colors, np.array(at), size, rng.normal(0, 0.3), 0.0, pattern)
        else:  # vehicle
            yaw, length = rng.uniform(-1.5, 1.5), rng.uniform(3.5, 5.0)
            body = np.array([length, 0.7, 1.7])
            _box(rng, scene, colors, np.array(at), body, yaw, 0.25, (0, 0, 0.0))
            _box(rng, scene, colors, np.array(at), body * (0.6, 0.75, 0.85), yaw, 0.95, (1, 2, 0.08))


def clutter(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw overlapping textured shapes at several depths, the farther the more blurred.

    Args:
        rng: Random generator.
        height: Pixels.
        width: Pixels.

    Returns:
        (height, width, 3) uint8, BGR.
    """
    size = max(height, width)
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    canvas = (1 - ramp) * vivid(rng) + ramp * vivid(rng) + np.zeros((height, width, 3))
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    for layer in range(3):
        for _ in range(rng.integers(3, 14)):
            color = tuple(float(c) for c in np.clip(vivid(rng), 0, 255))
            center = rng.uniform(-0.1, 1.1, 2) * (width, height)
            length = size * np.exp(rng.uniform(np.log(0.04), np.log(0.5)))
            kind = rng.random()
            if kind < 0.6:  # rectangles, mostly upright
                turn = rng.normal(0, 0.1) if rng.random() < 0.75 else rng.uniform(0, 3.2)
                box = ((*center,), (length, length * rng.uniform(0.1, 1.8)), np.degrees(turn))
                corners = cv2.boxPoints(box)
                cv2.fillConvexPoly(canvas, np.int32(corners), color, cv2.LINE_AA)
                if rng.random() < 0.5:
                    for part in np.linspace(0, 1, int(rng.integers(3, 9)))[:-1]:
                        a, b = (corners[i] + part * (corners[j] - corners[i]) for i, j in ((0, 1), (3, 2)))
                        dark = tuple(0.6 * c for c in color)
                        cv2.line(canvas, np.int32(a), np.int32(b), dark, max(size // 200, 1), cv2.LINE_AA)
            elif kind < 0.8:
                axes = np.int32(np.maximum(0.5 * length * rng.uniform(0.3, 1, 2), 1))
                turn = rng.uniform(0, 180)
                cv2.ellipse(canvas, np.int32(center), axes, turn, 0, 360, color, -1, cv2.LINE_AA)
            else:
                corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
                ring = np.stack([np.cos(corners), np.sin(corners)], -1) * rng.uniform(0.2, 0.6) * length
                cv2.fillPoly(canvas, [np.int32(center + ring)], color, cv2.LINE_AA)
        texture = load(str(rng.choice(SURFACES)))
        grain = cv2.resize(texture, (width, height), interpolation=cv2.INTER_AREA)[..., :1].astype(np.float32)
        strength = np.float32(rng.uniform(0.05, 0.3))
        canvas = np.clip(canvas + strength * (grain - grain.mean()), 0, 255).astype(np.uint8)
        blur = (2.5 - layer) * rng.uniform(0.1, 1.2) * size / 256
        if blur > 0.3:
            canvas = cv2.GaussianBlur(canvas, (0, 0), blur)
    return canvas
