"""Meshes as GLB, OBJ and PLY files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .arguments import as_bodies, as_colors, as_faces
from .colors import Colors, person_colors

SUFFIXES = ('.glb', '.obj', '.ply')
ROUGHNESS = 0.7


def save_meshes(
    path: str | Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    colors: Colors | None = None,
    ids: Sequence[int] | None = None,
) -> None:
    """Writes the people of a frame as one file of meshes.

    The axes are glTF's: x right, y up, z towards the viewer, who is the photograph's camera at the origin.

    Args:
        path: Of the file; `.glb`, `.obj` or `.ply`.
        vertices: Bodies in the camera frame (OpenCV), (P, V, 3) or (V, 3), metres.
        faces: Triangles of one body, (F, 3).
        colors: One BGR colour (0-255) for each body; those of the ids by default.
        ids: Number of each person, for the names `person_<id>`; 0, 1, ... by default.

    Raises:
        ImportError: If trimesh is not installed.
        ValueError: If the suffix is another, there is no body, or an argument has another shape or is not
            finite.
    """
    try:
        import trimesh  # an extra: training and testing do without
    except ImportError as error:
        raise ImportError("mesh files need trimesh: pip install 'mmroi[vis]'") from error
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f'{path.name}: meshes are written as {", ".join(SUFFIXES)}')
    bodies = as_bodies(vertices)
    ids = range(len(bodies)) if ids is None else ids
    paint = as_colors(person_colors(ids) if colors is None else colors, len(bodies))
    scene = trimesh.Scene()
    for body, color, number in zip(bodies, paint, ids, strict=True):
        mesh = trimesh.Trimesh(body * (1, -1, -1), as_faces(faces, bodies.shape[1]), process=False)
        material = trimesh.visual.material.PBRMaterial(
            baseColorFactor=[*color[::-1].tolist(), 255], metallicFactor=0.0, roughnessFactor=ROUGHNESS
        )
        mesh.visual = trimesh.visual.TextureVisuals(material=material)
        scene.add_geometry(mesh, node_name=f'person_{number}', geom_name=f'person_{number}')
    scene.export(path)
