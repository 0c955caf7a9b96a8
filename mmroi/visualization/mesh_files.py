"""Meshes as GLB, OBJ and PLY files, by trimesh."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmroi.geometry import vertex_normals
from mmroi.visualization.colors import Colors, as_colors, person_colors
from mmroi.visualization.rendering import as_bodies, as_faces

if TYPE_CHECKING:
    import trimesh

SUFFIXES = ('.glb', '.obj', '.ply')
ROUGHNESS = 0.7
TO_GLTF = np.array([1.0, -1.0, -1.0])  # half a turn about x, so that outside stays outside


def save_meshes(
    path: str | Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    colors: Colors | None = None,
    ids: Sequence[int] | None = None,
) -> None:
    """Write the people of a frame as one file of meshes.

    The axes are glTF's in every format: x right, y up, z towards the viewer. The camera is at
    the origin and looks along -z. Vertices keep their order.

    * ``.glb``: a node and a mesh ``person_<id>`` for each person, with normals and a material without metal.
    * ``.obj``: an object ``person_<id>`` for each; materials lie in ``<stem>.mtl`` beside it.
    * ``.ply``: one mesh of all people in turn, with normals and colors of vertices.

    Args:
        path: Of the file; its suffix says the format.
        vertices: Bodies in the camera frame (OpenCV), (P, V, 3) or (V, 3), meters.
        faces: Triangles of one body, (F, 3); counter-clockwise seen from outside.
        colors: One BGR color (0-255) for each body; those of the ids by default.
        ids: Number of each person; 0, 1, ... by default.

    Raises:
        ImportError: If trimesh is not installed.
        ValueError: If the suffix is another, there is no body, ids repeat, or an argument has another shape
            or is not finite.
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
        _write_scene(path, bodies * TO_GLTF, faces, paint, [f'person_{number}' for number in ids])


def _mesh(vertices: np.ndarray, faces: np.ndarray) -> 'trimesh.Trimesh':
    try:
        import trimesh  # an extra: training and testing do without
    except ImportError as error:
        raise ImportError("mesh files need trimesh: pip install 'mmroi[vis]'") from error
    normals = vertex_normals(vertices, faces)
    normals[~normals.any(axis=1)] = (0, 0, 1)  # of vertices without a face; a normal must have a length
    return trimesh.Trimesh(vertices, faces, vertex_normals=normals, process=False)


def _write_ply(path: Path, bodies: np.ndarray, faces: np.ndarray, paint: np.ndarray) -> None:
    count, num_vertices = bodies.shape[:2]
    first_vertex = num_vertices * np.arange(count)[:, None, None]
    mesh = _mesh(bodies.reshape(-1, 3), (faces + first_vertex).reshape(-1, 3))
    from trimesh.exchange.ply import export_ply
    from trimesh.visual import ColorVisuals

    rgba = np.repeat([_rgba(color) for color in paint], num_vertices, axis=0)
    mesh.visual = ColorVisuals(mesh, vertex_colors=rgba)
    path.write_bytes(export_ply(mesh, vertex_normal=True))


def _write_scene(
    path: Path, bodies: np.ndarray, faces: np.ndarray, paint: np.ndarray, names: list[str]
) -> None:
    meshes = [_mesh(body, faces) for body in bodies]
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb
    from trimesh.exchange.obj import export_obj
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import Material, PBRMaterial, SimpleMaterial

    is_glb = path.suffix.lower() == '.glb'
    scene = Scene()
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
        path.write_bytes(export_glb(scene, include_normals=True))
        return
    materials = path.with_suffix('.mtl')
    text, files = export_obj(
        scene, include_normals=True, return_texture=True, mtl_name=materials.name, header=None
    )
    path.write_text(text, encoding='utf-8')
    materials.write_bytes(files[materials.name])


def _rgba(color: np.ndarray) -> np.ndarray:
    return np.array([*color[::-1], 255], np.uint8)


def _linear(rgba: np.ndarray) -> np.ndarray:
    """Color factors of glTF are linear light; colors of pictures are sRGB."""
    share = rgba[:3] / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.array([*np.rint(255 * light), 255], np.uint8)
