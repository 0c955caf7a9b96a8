"""Write the skeleton of a person and its motion as BVH (Biovision hierarchy)."""

import warnings
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.fileio.atomic import atomic_write
from mmroi.visualization.animation.clips import Clip
from mmroi.visualization.animation.glb import Y_UP
from mmroi.visualization.animation.rig import JOINT_NAMES, Rig

# The order that most tools write: R = Rz Rx Ry.
_ORDER = 'ZXY'
_CHANNELS = ' '.join(f'{axis}rotation' for axis in _ORDER)


def write_bvh(path: str | Path, clip: Clip, rig: Rig) -> None:
    """Write a BVH file.

    World, rest pose and names are those of the GLB of the same clip. Lengths are in meters. The first frame
    is the first of the clip, whenever the person appears in the video. The offset of the root is zero, so
    that its position does not depend on whether a reader adds the offset. Euler angles continue from frame to
    frame without jumps of half or full turns.

    Args:
        path: File to write.
        clip: The motion.
        rig: Body of the shape ``clip.betas``.
    """
    rotations, root = clip.turned(Y_UP)
    angles = euler_angles(rotations)
    lines = ['HIERARCHY', *_hierarchy(rig, 0, 0), 'MOTION', f'Frames: {len(clip)}']
    lines.append(f'Frame Time: {1 / clip.fps:.10g}')
    # Joints are written depth first.
    order = _depth_first(rig.parents, 0)
    rows = np.concatenate([root, angles[:, order].reshape(len(clip), -1)], axis=1)
    lines += [' '.join(f'{value:.6f}' for value in row) for row in rows]
    with atomic_write(path, fsync=False) as temporary:
        temporary.write_text('\n'.join(lines) + '\n', encoding='ascii', newline='\n')


def euler_angles(rotations: np.ndarray) -> np.ndarray:
    """Convert rotation matrices to angles about z, x and y with R = Rz Rx Ry.

    A rotation has two such triples and any number of full turns more; each frame gets those nearest to the
    frame before.

    Args:
        rotations: (T, J, 3, 3).

    Returns:
        (T, J, 3) degrees in the order z, x, y.
    """
    frames = len(rotations)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # at gimbal lock one of the angles is free, and zero is a good choice
        first = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_euler(_ORDER, degrees=True)
    first = first.reshape(frames, -1, 3)
    second = first * (1, -1, 1) + 180
    angles = first.copy()
    for frame in range(1, frames):
        last = angles[frame - 1]
        near = [one + 360 * np.rint((last - one) / 360) for one in (first[frame], second[frame])]
        far = [np.abs(one - last).sum(-1, keepdims=True) for one in near]
        angles[frame] = np.where(far[1] < far[0], near[1], near[0])
    return angles


def _children(parents: np.ndarray, joint: int) -> list[int]:
    return np.flatnonzero(parents == joint).tolist()


def _depth_first(parents: np.ndarray, joint: int) -> list[int]:
    return [joint, *(k for child in _children(parents, joint) for k in _depth_first(parents, child))]


def _hierarchy(rig: Rig, joint: int, depth: int) -> list[str]:
    children = _children(rig.parents, joint)
    offset = rig.offsets()[joint] if joint else np.zeros(3)
    position = 'Xposition Yposition Zposition ' if joint == 0 else ''
    lines = [
        f'{"JOINT" if joint else "ROOT"} {JOINT_NAMES[joint]}',
        '{',
        f'\t{_offset(offset)}',
        f'\tCHANNELS {3 if joint else 6} {position}{_CHANNELS}',
    ]
    for child in children:
        lines += [f'\t{line}' for line in _hierarchy(rig, child, depth + 1)]
    if not children:
        lines += ['\tEnd Site', '\t{', f'\t\t{_offset(_tip(rig, joint))}', '\t}']
    return [*lines, '}']


def _tip(rig: Rig, joint: int) -> np.ndarray:
    """Return where a last bone ends relative to its joint: the center of the vertices that follow it."""
    own = rig.vertices[rig.weights[:, joint] > 0.5]
    return (own if len(own) else rig.vertices).mean(0) - rig.joints[joint]


def _offset(offset: np.ndarray) -> str:
    return 'OFFSET ' + ' '.join(f'{value:.6f}' for value in offset)
