"""Render smooth-shaded, anti-aliased meshes with the NumPy z-buffer of ``mmroi.geometry``."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mmroi.geometry import interpolate, rasterize, vertex_normals
from mmroi.visualization.colors import Colors, as_colors


def as_bodies(vertices: np.ndarray) -> np.ndarray:
    """Return the vertices of one or several bodies as one batch.

    Args:
        vertices: (P, V, 3) or (V, 3), meters.

    Returns:
        (P, V, 3) float64; P may be 0.

    Raises:
        ValueError: If vertices have the wrong shape or are not finite.
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
    """Return checked triangles of a body.

    Args:
        faces: (F, 3) indices of vertices.
        num_vertices: Number of vertices per body.

    Returns:
        (F, 3) int64.

    Raises:
        ValueError: If faces have the wrong shape or refer to missing vertices.
    """
    faces = np.asarray(faces)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f'faces must be (F, 3), not {faces.shape}')
    if faces.size and not (0 <= faces.min() and faces.max() < num_vertices):
        raise ValueError(f'faces refer to vertices up to {faces.max()}, but a body has {num_vertices}')
    return faces.astype(np.int64, copy=False)


NEAR = 0.05  # meters; faces closer to the camera's plane are not drawn

# Directions to the lights in the camera frame (x right, y down, z forward), and their strengths.
KEY_LIGHT, KEY = np.array([-0.45, -0.65, -0.62]), 0.66
FILL_LIGHT, FILL = np.array([0.75, -0.1, -0.65]), 0.22
SKY, GROUND = 0.45, 0.2
GLOSS, SHININESS = 0.22, 24


class Rendering(NamedTuple):
    """Rendered meshes with transparency, cropped to the rectangle that they cover.

    Attributes:
        color: BGR premultiplied by ``alpha``, (h, w, 3) uint8.
        alpha: Coverage of each pixel, (h, w) uint8.
        left: Column of the rectangle in the image.
        top: Row of the rectangle in the image.
    """

    color: np.ndarray
    alpha: np.ndarray
    left: int
    top: int

    def over(self, image: np.ndarray, opacity: float = 1.0) -> np.ndarray:
        """Blend the meshes over an image.

        Args:
            image: BGR image, (H, W, 3) uint8; not modified.
            opacity: Opacity of the meshes, 0 to 1.

        Returns:
            A new image, (H, W, 3) uint8.
        """
        result = image.copy()
        height, width = self.alpha.shape
        if self.alpha.size:
            behind = result[self.top : self.top + height, self.left : self.left + width]
            keep = cv2.LUT(self.alpha, np.rint(255 - opacity * np.arange(256)).astype(np.uint8))
            kept = cv2.multiply(behind, cv2.merge([keep, keep, keep]), scale=1 / 255)
            behind[:] = cv2.addWeighted(self.color, opacity, kept, 1, 0)
        return result


def render_meshes(
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float | Sequence[float] | np.ndarray,
    principal_point: Sequence[float] | np.ndarray,
    image_size: Sequence[int],
    colors: Colors | None = None,
    supersample: int = 2,
) -> Rendering:
    """Render bodies with a pinhole camera and a depth test.

    Args:
        vertices: Bodies in the camera frame (OpenCV), (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3); outward normals by the right-hand rule in the body's own frame.
        focal_length: Focal length in pixels; one value, or one each for x and y.
        principal_point: x, y in pixels; pixel centers lie at integers.
        image_size: Height and width of the image.
        colors: One BGR color (0-255) per body; by default those of ``person_colors``.
        supersample: Samples per pixel along each axis.

    Returns:
        The rendered meshes; empty (zero pixels) if nothing is in view.

    Raises:
        ValueError: If vertices, faces or colors have the wrong shape or are not finite.
    """
    vertices = as_bodies(vertices)
    num_people, num_vertices = vertices.shape[:2]
    points = vertices.reshape(-1, 3)
    first_vertex = num_vertices * np.arange(num_people)[:, None, None]
    all_faces = (as_faces(faces, num_vertices) + first_vertex).reshape(-1, 3)
    in_front = points[:, 2] > NEAR
    all_faces = all_faces[in_front[all_faces].all(axis=1)]

    scaled = points[:, :2] * np.asarray(focal_length)
    pixels = scaled / np.maximum(points[:, 2:], NEAR) + np.asarray(principal_point)
    drawn = np.zeros(len(points), bool)
    drawn[all_faces] = True
    left, top, width, height = _covered_rectangle(pixels[drawn], image_size)
    if width == 0 or height == 0:
        return Rendering(np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.uint8), 0, 0)

    # The halves, because pixel centers lie at integers.
    samples = (pixels - (left, top) + 0.5) * supersample - 0.5
    fragments = rasterize(samples, points[:, 2], all_faces, height * supersample, width * supersample)
    shades = _shade(points, all_faces, np.repeat(as_colors(colors, num_people), num_vertices, axis=0))
    covered = np.full((len(fragments.pixel_index), 4), 255, np.uint8)
    covered[:, :3] = interpolate(shades, all_faces, fragments)
    canvas = np.zeros((height * supersample, width * supersample, 4), np.uint8)
    # Write the four bytes of a pixel at once.
    canvas.view(np.uint32).reshape(-1)[fragments.pixel_index] = covered.view(np.uint32)[:, 0]
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return Rendering(small[..., :3], small[..., 3], left, top)


def _covered_rectangle(pixels: np.ndarray, image_size: Sequence[int]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the points' bounds within the image."""
    if len(pixels) == 0:
        return 0, 0, 0, 0
    limit = np.array([image_size[1], image_size[0]])
    low = np.clip(np.floor(pixels.min(axis=0)), 0, limit).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, limit).astype(int)
    width, height = np.maximum(high - low, 0)
    return int(low[0]), int(low[1]), int(width), int(height)


def _shade(points: np.ndarray, faces: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return BGR colors of lit vertices, (V, 3) float32, plus 0.5 because the cast to bytes truncates."""
    normals = vertex_normals(points, faces)
    to_viewer = -points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), NEAR)
    diffuse = GROUND + (SKY - GROUND) * (0.5 - 0.5 * normals[:, 1])
    gloss = np.zeros(len(points))
    for direction, strength in ((KEY_LIGHT, KEY), (FILL_LIGHT, FILL)):
        direction = direction / np.linalg.norm(direction)
        diffuse = diffuse + strength * np.clip(normals @ direction, 0, None)
        half = direction + to_viewer
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        gloss += GLOSS * strength * np.clip((normals * half).sum(axis=1), 0, None) ** SHININESS
    return ((colors * diffuse[:, None] + 255 * gloss[:, None]).clip(0, 255) + 0.5).astype(np.float32)


def draw_overlay(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float | Sequence[float] | np.ndarray,
    principal_point: Sequence[float] | np.ndarray,
    colors: Colors | None = None,
    opacity: float = 0.9,
) -> np.ndarray:
    """Draw meshes on an image with its full camera.

    Args:
        image: BGR image, (H, W, 3) uint8.
        vertices: Bodies in the camera frame (``vertices + camera_translation``), (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3).
        focal_length: Focal length in pixels; one value, or one each for x and y.
        principal_point: x, y in pixels.
        colors: One BGR color per body.
        opacity: Opacity of the meshes, 0 to 1.

    Returns:
        A new image, (H, W, 3) uint8.
    """
    rendering = render_meshes(vertices, faces, focal_length, principal_point, image.shape[:2], colors)
    return rendering.over(image, opacity)
