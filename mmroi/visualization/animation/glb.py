"""Write a skinned, animated person as binary glTF 2.0."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.fileio.atomic import atomic_write
from mmroi.geometry import vertex_normals
from mmroi.version import __version__
from mmroi.visualization.animation.clips import Clip
from mmroi.visualization.animation.rig import JOINT_NAMES, Rig
from mmroi.visualization.colors import person_colors
from mmroi.visualization.mesh_files import ROUGHNESS, TO_GLTF, linear_color

Y_UP = np.diag(TO_GLTF)  # the camera frame in glTF's axes: x right, y up, z towards the camera
INFLUENCES = 4  # joints per vertex that every engine supports
_FLOAT, _USHORT, _UBYTE = 5126, 5123, 5121
_ARRAY, _ELEMENT = 34962, 34963  # buffer targets
_KINDS = {(): 'SCALAR', (3,): 'VEC3', (4,): 'VEC4', (4, 4): 'MAT4'}
_STEPS = 65535


def write_glb(path: str | Path, clip: Clip, rig: Rig, person: int = 0) -> None:
    """Write :func:`encode_glb` to a file.

    Args:
        path: File to write.
        clip: The motion.
        rig: The body.
        person: Number of the person.
    """
    with atomic_write(path, fsync=False) as temporary:
        temporary.write_bytes(encode_glb(clip, rig, person))


def encode_glb(clip: Clip, rig: Rig, person: int = 0) -> bytes:
    """Encode a skinned mesh with its motion.

    World: y up, meters; the camera is at the origin and looks along -z, and all people of a video share the
    world and the clock. The nodes of the skeleton are in SMPL's rest pose; a single animation, with one key
    per frame, rotates the 24 joints and moves the root. The mesh is without pose blend shapes, and a vertex
    has at most four joints: those with the largest weights.

    Args:
        clip: The motion.
        rig: Body of the shape ``clip.betas``.
        person: Number of the person, for names and color.

    Returns:
        Content of a ``.glb`` file.
    """
    data = _Data()
    joints, weights = _influences(rig.weights)
    normals = vertex_normals(rig.vertices, rig.faces)
    normals[~normals.any(axis=1)] = (0, 0, 1)  # vertices without a face need a unit normal too
    attributes = dict(
        POSITION=data.add(rig.vertices, np.float32, _ARRAY, bounds=True),
        NORMAL=data.add(normals, np.float32, _ARRAY),
        JOINTS_0=data.add(joints, np.uint8, _ARRAY),
        WEIGHTS_0=data.add(weights, np.uint16, _ARRAY, normalized=True),
    )
    faces = data.add(rig.faces.reshape(-1), np.uint16, _ELEMENT)
    inverse_bind = np.tile(np.eye(4), (len(JOINT_NAMES), 1, 1))
    inverse_bind[:, 3, :3] = -rig.joints  # column-major
    skin = dict(
        name=f'person_{person}',
        inverseBindMatrices=data.add(inverse_bind, np.float32),
        skeleton=1,
        joints=list(range(1, len(JOINT_NAMES) + 1)),
    )
    document = dict(
        asset=dict(version='2.0', generator=f'mmroi {__version__}'),
        extras=dict(
            name=clip.name,
            fps=clip.fps,
            frames=len(clip),
            interpolated=np.flatnonzero(clip.interpolated).tolist(),
            betas=clip.betas.tolist(),
            body_model=rig.body_model,
        ),
        scene=0,
        scenes=[dict(nodes=[0, len(JOINT_NAMES) + 1])],
        nodes=[
            dict(name=f'person_{person}', children=[1]),
            *_skeleton(rig),
            dict(name=f'person_{person}_body', mesh=0, skin=0),
        ],
        meshes=[
            dict(
                name=f'person_{person}_body',
                primitives=[dict(attributes=attributes, indices=faces, material=0)],
            )
        ],
        materials=[_material(person)],
        skins=[skin],
        animations=[_animation(clip, data)],
        accessors=data.accessors,
        bufferViews=data.views,
        buffers=[dict(byteLength=len(data.content))],
    )
    return _pack(document, bytes(data.content))


def _skeleton(rig: Rig) -> list[dict[str, Any]]:
    nodes = []
    for joint, (name, offset) in enumerate(zip(JOINT_NAMES, rig.offsets(), strict=True)):
        children = (np.flatnonzero(rig.parents == joint) + 1).tolist()
        node: dict[str, Any] = dict(name=name, translation=offset.tolist())
        nodes.append(node | dict(children=children) if children else node)
    return nodes


def _material(person: int) -> dict[str, Any]:
    (color,) = person_colors([person])
    factor = linear_color(np.array(color[::-1]))
    pbr = dict(baseColorFactor=[*factor.tolist(), 1.0], metallicFactor=0.0, roughnessFactor=ROUGHNESS)
    return dict(name=f'person_{person}', pbrMetallicRoughness=pbr)


def _animation(clip: Clip, data: '_Data') -> dict[str, Any]:
    rotations, root = clip.turned(Y_UP)
    quaternions = _continuous(Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat(), len(clip))
    times = data.add(clip.times, np.float32, bounds=True)
    samplers = [dict(input=times, output=data.add(root, np.float32))]
    channels = [dict(sampler=0, target=dict(node=1, path='translation'))]
    for joint in range(len(JOINT_NAMES)):
        samplers.append(dict(input=times, output=data.add(quaternions[:, joint], np.float32)))
        channels.append(dict(sampler=joint + 1, target=dict(node=joint + 1, path='rotation')))
    return dict(name=clip.name, samplers=samplers, channels=channels)


def _continuous(quaternions: np.ndarray, frames: int) -> np.ndarray:
    """Choose signs so that each joint (T, J, 4) turns the short way from key to key."""
    quaternions = quaternions.reshape(frames, -1, 4).copy()
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(-1) < 0, -1, 1)
    quaternions[1:] *= np.cumprod(flips, axis=0)[..., None]
    return quaternions


def _influences(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the joints (V, 4) of the largest weights, and these in steps of 1 / 65535 with exact sums."""
    joints = np.argsort(-weights, axis=1, kind='stable')[:, :INFLUENCES]
    kept = np.take_along_axis(weights, joints, axis=1)
    steps = np.rint(_STEPS * kept / kept.sum(1, keepdims=True)).astype(np.int64)
    steps[:, 0] += _STEPS - steps.sum(1)
    return np.where(steps > 0, joints, 0), steps


class _Data:
    """The binary part: arrays and what glTF says about them."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(
        self,
        values: np.ndarray,
        dtype: type[np.generic],
        target: int | None = None,
        normalized: bool = False,
        bounds: bool = False,
    ) -> int:
        """Append an array (N, ...) and return the number of its accessor."""
        array = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder('<'))
        component = {np.float32: _FLOAT, np.uint16: _USHORT, np.uint8: _UBYTE}[dtype]
        view = dict(buffer=0, byteOffset=len(self.content), byteLength=array.nbytes)
        self.views.append(view | (dict(target=target) if target else {}))
        accessor: dict[str, Any] = dict(
            bufferView=len(self.views) - 1,
            componentType=component,
            count=len(array),
            type=_KINDS[array.shape[1:]],
        )
        if normalized:
            accessor['normalized'] = True
        if bounds:
            accessor |= dict(
                min=np.atleast_1d(array.min(0)).tolist(), max=np.atleast_1d(array.max(0)).tolist()
            )
        self.accessors.append(accessor)
        self.content += array.tobytes()
        self.content += bytes(-len(self.content) % 4)
        return len(self.accessors) - 1


def _pack(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(',', ':'), allow_nan=False).encode()
    text += b' ' * (-len(text) % 4)
    chunks = [
        struct.pack('<I4s', len(part), kind) + part for part, kind in ((text, b'JSON'), (binary, b'BIN\0'))
    ]
    body = b''.join(chunks)
    return struct.pack('<4sII', b'glTF', 2, 12 + len(body)) + body
