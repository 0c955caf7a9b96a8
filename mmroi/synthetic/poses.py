"""Samples whole-body poses within joint limits and without self-collisions."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.synthetic import pose_styles
from mmroi.synthetic.joint_angles import angles_to_matrices, clip_angles

_NECK, _HEAD = 12, 15
_FOREARMS = ((18, 20), (19, 21))  # elbow, wrist
_LEGS = ((1, 4, 7), (2, 5, 8))  # hip, knee, ankle
_STANDING = ('stand', 'walk', 'reach', 'crouch', 'active', 'casual')
_TOUCHING = ('casual',)  # styles whose hands may touch the trunk, the thighs, the head and each other


class Pose(NamedTuple):
    """A sampled pose.

    Attributes:
        style: Name of the style, a key of ``pose_styles.LEGS``.
        angles: Anatomical angles of :mod:`~mmroi.synthetic.joint_angles`, degrees.
        rotations: (24, 3, 3) joint rotations; the root's is relative to standing upright, facing +z, y up.
    """

    style: str
    angles: dict[str, float]
    rotations: np.ndarray


def joint_positions(rotations: np.ndarray, rest_joints: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Compute forward kinematics of the skeleton.

    Args:
        rotations: (24, 3, 3) rotation matrices relative to the parents.
        rest_joints: (24, 3) joints of the rest pose, meters.
        parents: (24,) parent of each joint; the root's is ignored.

    Returns:
        (24, 3) joints in meters, with the root at the origin.
    """
    world, out = rotations.copy(), np.zeros((24, 3))
    for k in range(1, 24):
        p = parents[k]
        out[k] = out[p] + world[p] @ (rest_joints[k] - rest_joints[p])
        world[k] = world[p] @ rotations[k]
    return out


def _segment_distance(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    t = np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return float(np.linalg.norm(point - a - t * (b - a)))


def limbs_collide(joints: np.ndarray, touching: bool = False) -> bool:
    """Return whether a forearm intersects the trunk, head or a thigh, or the limbs intersect each other.

    Args:
        joints: (24, 3) joint positions, meters.
        touching: Whether hands may touch the body and each other.
    """
    closer = 0.05 if touching else 0.0
    for elbow, wrist in _FOREARMS:
        hand = joints[wrist] + 0.5 * (joints[wrist] - joints[elbow]) * 0.7
        for point in (0.5 * (joints[elbow] + joints[wrist]), joints[wrist], hand):
            if _segment_distance(point, joints[0], joints[_NECK]) < 0.18 - closer:
                return True
            if np.linalg.norm(point - joints[_HEAD] - (0, 0.06, 0)) < 0.15 - closer:
                return True
            if (
                min(_segment_distance(point, joints[hip], joints[knee]) for hip, knee, _ in _LEGS)
                < 0.11 - closer
            ):
                return True
    wrists = joints[[20, 21]]
    if np.linalg.norm(wrists[0] - wrists[1]) < 0.1 - closer:
        return True
    left, right = (joints[list(leg[1:])] for leg in _LEGS)
    samples = np.linspace(0, 1, 4)[:, None]
    gap = np.linalg.norm(
        (left[0] + samples * (left[1] - left[0]))[:, None]
        - (right[0] + samples * (right[1] - right[0]))[None],
        axis=-1,
    )
    return bool(gap.min() < 0.12 or np.linalg.norm(joints[4] - joints[5]) < 0.13)


class PoseSampler:
    """Draws plausible poses.

    Args:
        rest_joints: (24, 3) joints of the rest pose, meters.
        parents: (24,) parent of each joint.
        styles: Weight of each style, keys of ``pose_styles.LEGS``.
        scale: Multiplies the spread of the joint angles.

    Raises:
        ValueError: If a style is unknown.
    """

    def __init__(
        self, rest_joints: np.ndarray, parents: np.ndarray, styles: dict[str, float], scale: float
    ) -> None:
        unknown = sorted(set(styles) - set(pose_styles.LEGS))
        if unknown or not styles:
            raise ValueError(f'unknown pose styles {unknown}; known are {sorted(pose_styles.LEGS)}')
        self._rest = np.asarray(rest_joints, np.float64)
        self._parents = np.asarray(parents)
        self._names = list(styles)
        self._weights = np.array([styles[name] for name in self._names]) / sum(styles.values())
        self._scale = scale

    def sample(self, rng: np.random.Generator) -> Pose:
        """Draw a pose; if it collides with itself, retry up to 20 times."""
        style = str(rng.choice(self._names, p=self._weights))
        for _ in range(20):
            drawn = pose_styles.LEGS[style](rng, self._scale)
            angles = clip_angles({**drawn, **pose_styles.arms(rng, self._scale, style)})
            rotations = angles_to_matrices(angles)
            if not limbs_collide(joint_positions(rotations, self._rest, self._parents), style in _TOUCHING):
                break
        rotations[0] = self._root(rng, style, angles, rotations)
        if style in _STANDING:
            angles = self._level_feet(rng, angles, rotations)
            rotations[1:] = angles_to_matrices(angles)[1:]
        return Pose(style, angles, rotations)

    def _root(
        self, rng: np.random.Generator, style: str, angles: dict[str, float], rotations: np.ndarray
    ) -> np.ndarray:
        noise = Rotation.from_euler('xz', rng.normal(0, (4, 2.5)) * self._scale, degrees=True)
        if style in _STANDING:
            return (noise * self._balance(rotations)).as_matrix()
        if style == 'lie':
            # On the back, the belly or a side, with the head in any direction.
            drawn_up = max(angles['left_hip_flexion'], angles['right_hip_flexion']) > 20
            turn = rng.choice([-90.0, 90.0, 0.0], p=[0.7, 0.0, 0.3] if drawn_up else [0.45, 0.4, 0.15])
            lying = (
                Rotation.from_euler('x', turn, degrees=True)
                if turn
                else Rotation.from_euler('z', rng.choice([-80.0, 80.0]), degrees=True)
            )
            return (
                Rotation.from_euler('y', rng.uniform(-180, 180), degrees=True) * noise * lying
            ).as_matrix()
        lean = rng.uniform(-16, 4) if style == 'sit_floor' else rng.uniform(-10, 6)
        return (noise * Rotation.from_euler('x', lean, degrees=True)).as_matrix()

    def _balance(self, rotations: np.ndarray) -> Rotation:
        """Compute the tilt of the root that puts the center of mass above the feet."""
        joints = joint_positions(rotations, self._rest, self._parents)
        mass = 0.35 * joints[0] + 0.45 * joints[6] + 0.2 * joints[_HEAD]
        feet = joints[[7, 8]]
        support = feet[feet[:, 1] < feet[:, 1].min() + 0.12].mean(0)
        up = mass - support
        return Rotation.from_euler('xz', [-np.arctan2(up[2], up[1]), np.arctan2(up[0], up[1])])

    def _level_feet(
        self, rng: np.random.Generator, angles: dict[str, float], rotations: np.ndarray
    ) -> dict[str, float]:
        """Turn the ankles until the soles are level, within the limits of the ankles."""
        out = dict(angles)
        for side, (hip, knee, _) in zip(('left', 'right'), _LEGS, strict=True):
            shank = rotations[0] @ rotations[hip] @ rotations[knee]
            pitch = np.degrees(np.arctan2(-shank[1, 2], shank[2, 2]))  # how far the toes point down
            out[f'{side}_ankle_flexion'] = float(-pitch + angles[f'{side}_ankle_flexion'] + 3 * rng.normal())
        return clip_angles(out)
