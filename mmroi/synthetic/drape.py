"""Skirts and the lower part of coats: a surface around both legs."""

from typing import NamedTuple

import numpy as np

from mmroi.synthetic.fabric import Fabric

_ANGLES = 36
_BAND = 0.022  # half the height of a ring in the rest pose, meters


class Drape(NamedTuple):
    """A skirt.

    Attributes:
        fabric: Colors.
        top: Rest height of its upper edge, meters.
        hem: Rest height of its lower edge, meters.
        loose: Distance to the body at the top, meters.
        flare: Additional distance at the hem, meters.
    """

    fabric: Fabric
    top: float
    hem: float
    loose: float
    flare: float


class DrapeMesh(NamedTuple):
    """The mesh of a skirt.

    Attributes:
        vertices: (n, 3) posed, meters.
        rest: (n, 3) on a cylinder around the rest pose, meters, for patterns.
        faces: (m, 3) indices.
    """

    vertices: np.ndarray
    rest: np.ndarray
    faces: np.ndarray


def drape_mesh(drape: Drape, vertices: np.ndarray, rest: np.ndarray, right: np.ndarray) -> DrapeMesh:
    """Wrap a skirt around the hull of the legs, ring by ring.

    Args:
        drape: The skirt.
        vertices: (V, 3) posed vertices, meters.
        rest: (V, 3) vertices of the rest pose, meters.
        right: (3,) the x axis of the posed pelvis.

    Returns:
        The mesh.
    """
    levels = np.linspace(drape.top, drape.hem, max(int((drape.top - drape.hem) / 0.035), 3))
    legs = np.flatnonzero((np.abs(rest[:, 0]) < 0.35) & (rest[:, 1] < drape.top + 0.05))
    height = rest[legs, 1]
    bands = [vertices[legs[np.abs(height - level) < _BAND]].astype(np.float64) for level in levels]
    centers = np.array([0.5 * (band.min(0) + band.max(0)) for band in bands])
    axes = np.gradient(centers, axis=0)
    for _ in range(2):
        axes[1:-1] = (axes[:-2] + axes[1:-1] + axes[2:]) / 3
    angle = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    rings = []
    for k, (band, axis) in enumerate(zip(bands, axes, strict=True)):
        axis = axis / np.linalg.norm(axis)
        x = right - (right @ axis) * axis
        x /= np.linalg.norm(x)
        outward = np.outer(np.cos(angle), x) + np.outer(np.sin(angle), np.cross(axis, x))
        ring = band[np.argmax(band @ outward.T, axis=0)]
        for _ in range(2):
            ring = 0.5 * ring + 0.25 * (np.roll(ring, 1, 0) + np.roll(ring, -1, 0))
        share = k / (len(levels) - 1)
        waves = 1 + 0.35 * share * np.cos(7 * angle + 0.4 * np.sin(2 * angle))[:, None]
        rings.append(ring + outward * (drape.loose + drape.flare * share) * waves)
    posed = np.array(rings)
    for _ in range(2):
        posed[1:-1] = 0.5 * posed[1:-1] + 0.25 * (posed[:-2] + posed[2:])
    around = np.stack([0.2 * np.cos(angle), np.zeros(_ANGLES), 0.2 * np.sin(angle)], -1)
    flat = around[None] + levels[:, None, None] * np.array([0.0, 1.0, 0.0])
    j = np.arange(_ANGLES)
    quads = [
        np.stack([a + j, a + (j + 1) % _ANGLES, b + (j + 1) % _ANGLES, b + j], -1)
        for a, b in zip(
            _ANGLES * np.arange(len(levels) - 1), _ANGLES * np.arange(1, len(levels)), strict=True
        )
    ]
    quad = np.concatenate(quads)
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    return DrapeMesh(posed.reshape(-1, 3).astype(np.float32), flat.reshape(-1, 3).astype(np.float32), faces)
