"""Write meshes as GLB, OBJ and PLY files with trimesh."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmroi.fileio.atomic import atomic_write
from mmroi.geometry import vertex_normals
from mmroi.visualization.colors import Colors, as_colors, linear_color, person_colors
from mmroi.visualization.rendering import as_bodies, as_faces

if TYPE_CHECKING:
    import trimesh

SUFFIXES = ('.glb', '.obj', '.ply')
ROUGHNESS = 0.7
TO_GLTF = np.array([1.0, -1.0, -1.0])  # half a turn about x, which keeps normals pointing outward


def save_meshes(
    path: str | Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    colors: Colors | None = None,
    ids: Sequence[int] | None = None,
    body_model: str = '',
) -> None:
    """Write the people of a frame to one mesh file.

    All formats use glTF's axes: x right, y up, z towards the viewer. The camera is at the origin and looks
    along -z. The order of the vertices is preserved. Files are written whole or not at all.

    * ``.glb``: one node and mesh ``person_<id>`` per person, with normals and a non-metallic material.
    * ``.obj``: one object ``person_<id>`` per person; the materials are in ``<stem>.mtl`` beside it.
    * ``.ply``: one mesh with all people in order, with normals and vertex colors.

    Args:
        path: File to write; its suffix selects the format. Its folder is created if missing.
        vertices: Bodies in the camera frame (OpenCV), (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3), counter-clockwise seen from outside.
        colors: One BGR color (0-255) per body; by default the colors of ``ids``.
        ids: One number per person; 0, 1, ... by default.
        body_model: Name of the body model, for the scene's ``extras`` in GLB and the header of OBJ.

    Raises:
        ImportError: If trimesh is not installed.
        ValueError: If the suffix is not supported, there is no body, ids repeat, or an argument has the wrong
            shape or is not finite.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f'{path}: meshes are written as {", ".join(SUFFIXES)}')
    bodies = as_bodies(vertices)
    if len(bodies) == 0:
        raise ValueError(f'{path}: there is no body to write')
    ids = list(range(len(bodies)) if ids is None else ids)
    if len(ids) != len(bodies) or len(set(ids)) != len(ids):
        raise ValueError(f'ids must be {len(bodies)} different numbers, one for each body, not {ids}')
    paint = as_colors(person_colors(ids) if colors is None else colors, len(bodies))
    faces = as_faces(faces, bodies.shape[1])
    if suffix == '.ply':
        _write_ply(path, bodies * TO_GLTF, faces, paint)
    else:
        _write_scene(path, bodies * TO_GLTF, faces, paint, [f'person_{number}' for number in ids], body_model)


def _mesh(vertices: np.ndarray, faces: np.ndarray) -> 'trimesh.Trimesh':
    try:
        import trimesh  # here, because training and testing do not need it
    except ImportError as error:
        raise ImportError('mesh files need trimesh: pip install trimesh') from error
    normals = vertex_normals(vertices, faces)
    normals[~normals.any(axis=1)] = (0, 0, 1)  # vertices without a face need a unit normal too
    return trimesh.Trimesh(vertices, faces, vertex_normals=normals, process=False)


def _write_ply(path: Path, bodies: np.ndarray, faces: np.ndarray, paint: np.ndarray) -> None:
    count, num_vertices = bodies.shape[:2]
    first_vertex = num_vertices * np.arange(count)[:, None, None]
    mesh = _mesh(bodies.reshape(-1, 3), (faces + first_vertex).reshape(-1, 3))
    from trimesh.exchange.ply import export_ply
    from trimesh.visual import ColorVisuals

    rgba = np.repeat([_rgba(color) for color in paint], num_vertices, axis=0)
    mesh.visual = ColorVisuals(mesh, vertex_colors=rgba)
    _write(path, export_ply(mesh, vertex_normal=True))


def _write_scene(
    path: Path, bodies: np.ndarray, faces: np.ndarray, paint: np.ndarray, names: list[str], body_model: str
) -> None:
    meshes = [_mesh(body, faces) for body in bodies]
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb
    from trimesh.exchange.obj import export_obj
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import Material, PBRMaterial, SimpleMaterial

    is_glb = path.suffix.lower() == '.glb'
    scene = Scene(metadata=dict(body_model=body_model) if body_model else None)
    for name, mesh, color in zip(names, meshes, paint, strict=True):
        rgba = _rgba(color)
        material: Material = (
            PBRMaterial(name, baseColorFactor=_linear(rgba), metallicFactor=0.0, roughnessFactor=ROUGHNESS)
            if is_glb
            else SimpleMaterial(name=name, diffuse=rgba, specular=(0, 0, 0, 255))
        )
        mesh.visual = TextureVisuals(material=material)
        scene.add_geometry(mesh, node_name=name, geom_name=name)
    if is_glb:
        _write(path, export_glb(scene, include_normals=True))
        return
    materials = path.with_suffix('.mtl')
    text, files = export_obj(
        scene,
        include_normals=True,
        return_texture=True,
        mtl_name=materials.name,
        header=body_model and f'body model: {body_model}',
    )
    # The materials are replaced first: a new OBJ never refers to a missing file.
    with atomic_write(path, fsync=False) as mesh_file:
        mesh_file.write_text(text, encoding='utf-8')
        _write(materials, files[materials.name])


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, fsync=False) as temporary:  # cheap to create again
        temporary.write_bytes(content)


def _rgba(color: np.ndarray) -> np.ndarray:
    return np.array([*color[::-1], 255], np.uint8)


def _linear(rgba: np.ndarray) -> np.ndarray:
    return np.array([*np.rint(255 * linear_color(rgba[:3])), 255], np.uint8)
