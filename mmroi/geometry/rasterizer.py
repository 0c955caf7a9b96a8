"""Z-buffer rasterizer in NumPy: no GL, no window, no compiler.

It fills spans. Vertices are snapped to a grid of 1/1024 pixel, as in graphics hardware, so edge tests are
exact in 64-bit integers: a pixel on an edge shared by two triangles belongs to exactly one of them (top-left
rule), and a closed surface has neither holes nor double hits along its edges. Each row of each triangle
becomes one span of pixels, so the work is proportional to the covered pixels, not to the bounding boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_SUBPIXELS = 1024
# Beyond this the products of the edge functions could overflow 64 bits; such a vertex is almost beside the
# camera.
_MAX_COORDINATE = 2**18
# Bounding-box pixels per chunk, which bounds memory (about 150 bytes per covered pixel).
_CHUNK_PIXELS = 2**18
# Fragments per block: the temporaries of a block fit the cache.
_BLOCK = 2**14


class Fragments(NamedTuple):
    """The visible surface: one entry per covered pixel, ordered by pixel.

    Attributes:
        pixel_index: (P,) int64, row-major ``y * width + x``, strictly increasing.
        face_index: (P,) int64 rows of ``faces``.
        barycentric: (P, 3) float64, perspective-correct weights of the face's corners, sum 1.
        depth: (P,) float64, z in meters.
    """

    pixel_index: np.ndarray
    face_index: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray


def rasterize(
    vertices_px: np.ndarray,
    depth: np.ndarray,
    faces: np.ndarray,
    height: int,
    width: int,
    near: float = 0.01,
    cull_backfaces: bool = True,
) -> Fragments:
    """Find the nearest triangle at each pixel center (pixel centers lie at integer coordinates).

    To draw several meshes together, concatenate them and offset the indices in ``faces``.

    Args:
        vertices_px: (V, 2) projected vertices, image pixels.
        depth: (V,) z in the camera frame, meters.
        faces: (F, 3) vertex indices, counter-clockwise seen from outside.
        height: Image height, pixels.
        width: Image width, pixels.
        near: Triangles with a corner at ``z <= near`` are dropped, not clipped.
        cull_backfaces: Skip triangles seen from inside, half of the work on a closed mesh. False draws both
            sides.

    Returns:
        The nearest surface at each covered pixel. At equal depth the lower face index wins.
    """
    faces = np.asarray(faces, dtype=np.int64)
    depth = np.asarray(depth, dtype=np.float64)
    vertices_px = np.asarray(vertices_px, dtype=np.float64)
    usable = (depth > near) & (np.abs(vertices_px) < _MAX_COORDINATE).all(-1)
    grid = np.zeros(vertices_px.shape, dtype=np.int64)
    grid[usable] = np.rint(vertices_px[usable] * _SUBPIXELS)
    inverse_depth = np.zeros(len(depth))
    inverse_depth[usable] = 1 / depth[usable]

    kept, doubled_area = _select_faces(grid, faces, usable, height, width, cull_backfaces)
    corners = grid[faces[kept]]
    corner_iz = inverse_depth[faces[kept]]
    # The z-buffer holds 1 / z, which is linear on the screen; 0 is the empty background at infinity.
    z_buffer = np.zeros(height * width)
    face_buffer = np.empty(height * width, dtype=np.int32)
    for part in _chunks(corners, height, width):
        _draw(
            corners[part],
            corner_iz[part],
            doubled_area[part],
            part.start,
            height,
            width,
            z_buffer,
            face_buffer,
        )

    pixel_index = np.flatnonzero(z_buffer)
    row = face_buffer[pixel_index]
    barycentric, visible_depth = _surface(corners, corner_iz, doubled_area, row, pixel_index, width)
    return Fragments(pixel_index, kept[row], barycentric, visible_depth)


def interpolate(values: np.ndarray, faces: np.ndarray, fragments: Fragments) -> np.ndarray:
    """Interpolate vertex attributes at the visible pixels, perspective-correctly.

    Args:
        values: (V, C) vertex attributes.
        faces: (F, 3) vertex indices, as passed to :func:`rasterize`.
        fragments: Result of :func:`rasterize`.

    Returns:
        (P, C).
    """
    face_index, weights = fragments.face_index, fragments.barycentric
    dtype = np.result_type(values.dtype, np.float32)
    corner_columns = [np.ascontiguousarray(faces[:, i]) for i in range(3)]
    columns = [np.ascontiguousarray(column) for column in values.T]
    result = np.empty((len(face_index), len(columns)), dtype)
    for block in _blocks(len(face_index)):
        corners = [column[face_index[block]] for column in corner_columns]
        share = weights[block].astype(dtype).T.copy()
        for column, out in zip(columns, result[block].T, strict=True):
            a, b, c = (column[corners[i]] * share[i] for i in range(3))
            a += b
            a += c
            out[:] = a
    return result


def _select_faces(
    grid: np.ndarray, faces: np.ndarray, usable: np.ndarray, height: int, width: int, cull_backfaces: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the faces to draw and twice their signed areas in grid units.

    A face that is counter-clockwise seen from outside is clockwise in image coordinates (y down) if it faces
    the camera, so its signed area is negative.
    """
    a, b, c = (grid[faces[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    lowest, highest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    limit = np.array([(width - 1) * _SUBPIXELS, (height - 1) * _SUBPIXELS])
    keep = usable[faces].all(-1) & (highest >= 0).all(-1) & (lowest <= limit).all(-1)
    keep &= area < 0 if cull_backfaces else area != 0
    kept = np.flatnonzero(keep)
    return kept, area[kept]


def _row_range(corners: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows ``y_min <= y < y_max`` of each triangle as first and end, clipped to the image."""
    y = corners[..., 1]
    first = np.maximum(-(-y.min(-1) // _SUBPIXELS), 0)
    end = np.minimum(-(-y.max(-1) // _SUBPIXELS), height)
    return first, np.maximum(end, first)


def _chunks(corners: np.ndarray, height: int, width: int) -> Iterator[slice]:
    """Split the triangles into runs whose bounding boxes hold a limited number of pixels."""
    first, end = _row_range(corners, height)
    x = corners[..., 0]
    columns = np.minimum(x.max(-1) // _SUBPIXELS, width - 1) - np.maximum(x.min(-1) // _SUBPIXELS, 0) + 1
    pixels = np.cumsum((end - first) * columns)
    start = 0
    while start < len(corners):
        before = pixels[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(pixels, before + _CHUNK_PIXELS, side='right')))
        yield slice(start, stop)
        start = stop


def _draw(
    corners: np.ndarray,
    corner_iz: np.ndarray,
    doubled_area: np.ndarray,
    first_face: int,
    height: int,
    width: int,
    z_buffer: np.ndarray,
    face_buffer: np.ndarray,
) -> None:
    """Draw triangles into the buffers, in place."""
    first, end = _row_range(corners, height)
    face, y = _expand(first, end - first)
    left, right = _span_bounds(corners, doubled_area, face, y)
    left, right = np.maximum(left, 0), np.minimum(right, width - 1)
    filled = left <= right
    face, y, left, right = face[filled], y[filled], left[filled], right[filled]

    # 1 / z is a plane over the screen: value at the first corner and two slopes (per pixel).
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    rise1, rise2 = corner_iz[:, 1] - corner_iz[:, 0], corner_iz[:, 2] - corner_iz[:, 0]
    per_pixel = _SUBPIXELS / doubled_area
    slope_x = (rise1 * edge2[:, 1] - rise2 * edge1[:, 1]) * per_pixel
    slope_y = (rise2 * edge1[:, 0] - rise1 * edge2[:, 0]) * per_pixel
    origin = corner_iz[:, 0] - (slope_x * corners[:, 0, 0] + slope_y * corners[:, 0, 1]) / _SUBPIXELS
    span_iz = origin[face] + slope_y[face] * y

    span, x = _expand(left, right - left + 1)
    iz = span_iz[span] + slope_x[face][span] * x
    pixel = (y * width)[span] + x
    nearer = np.flatnonzero(iz > z_buffer[pixel])
    pixel, iz, span = pixel[nearer], iz[nearer], span[nearer]
    np.maximum.at(z_buffer, pixel, iz)
    # Written in reverse order, so the first of several equally deep triangles stays.
    winner = np.flatnonzero(iz == z_buffer[pixel])[::-1]
    face_buffer[pixel[winner]] = face[span[winner]] + first_face


def _expand(start: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate the ranges ``start[i], ..., start[i] + count[i] - 1``; return i and value of each entry."""
    owner = np.repeat(np.arange(len(start)), count)
    offset = start - (np.cumsum(count) - count)
    return owner, np.arange(len(owner)) + offset[owner]


def _span_bounds(
    corners: np.ndarray, doubled_area: np.ndarray, face: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the first and last pixel of each (triangle, row) by exact integer division.

    An edge from p to q of a triangle that is positively oriented on the screen admits the pixels with
    ``(q_x - p_x)(y - p_y) - (q_y - p_y)(x - p_x) > 0``, or ``= 0`` on a left edge. Horizontal edges need no
    test: the range of rows already includes a top edge and excludes a bottom one.
    """
    left = np.full(len(face), np.iinfo(np.int64).min)
    right = np.full(len(face), np.iinfo(np.int64).max)
    flipped = doubled_area < 0
    for i, j in ((0, 1), (1, 2), (2, 0)):
        p = np.where(flipped[:, None], corners[:, j], corners[:, i])
        d = np.where(flipped[:, None], corners[:, i], corners[:, j]) - p
        base = d[:, 1] * p[:, 0] - d[:, 0] * p[:, 1]
        level = base[face] + (d[:, 0] * _SUBPIXELS)[face] * y
        slope = (np.abs(d[:, 1]) * _SUBPIXELS)[face]
        rising, falling = np.flatnonzero((d[:, 1] < 0)[face]), np.flatnonzero((d[:, 1] > 0)[face])
        left[rising] = np.maximum(left[rising], -(level[rising] // slope[rising]))
        right[falling] = np.minimum(right[falling], (level[falling] - 1) // slope[falling])
    return left, right


def _blocks(count: int) -> Iterator[slice]:
    """Split the fragments into runs whose temporaries fit the CPU cache."""
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def _surface(
    corners: np.ndarray,
    corner_iz: np.ndarray,
    doubled_area: np.ndarray,
    row: np.ndarray,
    pixel_index: np.ndarray,
    width: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return perspective-correct weights (P, 3) and depth (P,) of pixel centers in the triangles ``row``."""
    weights, depth = np.empty((len(row), 3)), np.empty(len(row))
    x, y, iz = (np.ascontiguousarray(part.T) for part in (corners[..., 0], corners[..., 1], corner_iz))
    for block in _blocks(len(row)):
        face, pixel = row[block], pixel_index[block]
        pixel_y = pixel // width
        pixel_x = (pixel - pixel_y * width) * _SUBPIXELS
        pixel_y *= _SUBPIXELS
        ax, bx, cx = (corner[face] - pixel_x for corner in x)
        ay, by, cy = (corner[face] - pixel_y for corner in y)
        area = doubled_area[face]
        first, second = bx * cy - by * cx, cx * ay - cy * ax
        on_screen = first, second, area - first - second
        parts = [share / area * corner[face] for share, corner in zip(on_screen, iz, strict=True)]
        total = parts[0] + parts[1] + parts[2]
        for out, part in zip(weights[block].T, parts, strict=True):
            np.divide(part, total, out=out)
        np.divide(1, total, out=depth[block])
    return weights, depth
