"""Anatomical joint angles, their limits, and their rotations in SMPL's skeleton.

Angles have clinical names (flexion is forward, abduction outward). Angles of one side are named ``left_*``
and ``right_*``; the right side is the mirror image of the left. In the rest pose (arms out, palms down) the
arm elevation is 90 degrees and every other angle is zero.
"""

import numpy as np
from scipy.spatial.transform import Rotation

# Limits in degrees, slightly inside the normal human ranges (AAOS, "Joint Motion: Method of Measuring and
# Recording").
SIDE_LIMITS = dict(
    hip_flexion=(-20, 120),
    hip_abduction=(-12, 50),
    hip_twist=(-25, 45),
    knee_flexion=(0, 145),
    ankle_flexion=(-30, 40),
    foot_tilt=(-15, 15),
    toe_flexion=(-35, 15),
    collar_shrug=(-6, 22),
    arm_elevation=(4, 165),
    arm_plane=(-35, 105),
    arm_twist=(-90, 70),
    elbow_flexion=(0, 140),
    forearm_twist=(-60, 60),
    wrist_bend=(-40, 45),
)
TRUNK_LIMITS = dict(
    spine_bend=(-20, 75),
    spine_side=(-30, 30),
    spine_twist=(-40, 40),
    neck_bend=(-35, 40),
    neck_side=(-25, 25),
    neck_twist=(-65, 65),
)
LIMITS = dict(
    TRUNK_LIMITS,
    **{f'{side}_{name}': limit for side in ('left', 'right') for name, limit in SIDE_LIMITS.items()},
)

_SPINE = (3, 6, 9)
_NECK = (12, 15)
_LEFT = dict(hip=1, knee=4, ankle=7, foot=10, collar=13, shoulder=16, elbow=18, wrist=20)
_MIRROR = np.diag([-1.0, 1.0, 1.0])


def clip_angles(angles: dict[str, float]) -> dict[str, float]:
    """Fill in missing angles (zero, arms hanging) and clip all angles to their limits.

    Args:
        angles: Some of the angles named in ``LIMITS``, degrees.

    Returns:
        All angles of ``LIMITS``, degrees.

    Raises:
        KeyError: If an angle is not in ``LIMITS``.
    """
    unknown = sorted(set(angles) - set(LIMITS))
    if unknown:
        raise KeyError(f'unknown joint angles {unknown}; known are {sorted(LIMITS)}')
    return {name: float(np.clip(angles.get(name, 0.0), low, high)) for name, (low, high) in LIMITS.items()}


def _euler(order: str, *degrees: float) -> np.ndarray:
    return Rotation.from_euler(order, degrees, degrees=True).as_matrix()


def _side(a: dict[str, float], side: str) -> dict[str, np.ndarray]:
    """Compute the joint rotations of one side as if it were the left side."""
    g = {name: a[f'{side}_{name}'] for name in SIDE_LIMITS}
    elevation, plane = np.radians(g['arm_elevation']), np.radians(g['arm_plane'])
    # The upper arm swings from +x to its direction along the shortest path; it twists about itself.
    direction = np.array(
        [np.sin(elevation) * np.cos(plane), -np.cos(elevation), np.sin(elevation) * np.sin(plane)]
    )
    axis = np.array([0.0, -direction[2], direction[1]])
    length = np.linalg.norm(axis)
    swing = Rotation.from_rotvec(axis * (np.arctan2(length, direction[0]) / max(length, 1e-9))).as_matrix()
    return dict(
        hip=_euler('XZY', -g['hip_flexion'], g['hip_abduction'], g['hip_twist']),
        knee=_euler('X', g['knee_flexion']),
        ankle=_euler('XZ', g['ankle_flexion'], g['foot_tilt']),
        foot=_euler('X', g['toe_flexion']),
        collar=_euler('Z', g['collar_shrug']),
        shoulder=_euler('Z', -g['collar_shrug']) @ swing @ _euler('X', g['arm_twist']),
        elbow=_euler('YX', -g['elbow_flexion'], 0.5 * g['forearm_twist']),
        wrist=_euler('XZ', 0.5 * g['forearm_twist'], -g['wrist_bend']),
    )


def angles_to_matrices(angles: dict[str, float]) -> np.ndarray:
    """Convert anatomical angles to SMPL's joint rotations.

    Args:
        angles: All angles of ``LIMITS``, degrees (see :func:`clip_angles`).

    Returns:
        Rotation matrices (24, 3, 3); the root's is the identity.
    """
    out = np.tile(np.eye(3), (24, 1, 1))
    for joint in _SPINE:
        out[joint] = _euler(
            'YXZ', angles['spine_twist'] / 3, angles['spine_bend'] / 3, angles['spine_side'] / 3
        )
    for joint in _NECK:
        out[joint] = _euler('YXZ', angles['neck_twist'] / 2, angles['neck_bend'] / 2, angles['neck_side'] / 2)
    for side, offset in (('left', 0), ('right', 1)):
        for name, matrix in _side(angles, side).items():
            out[_LEFT[name] + offset] = matrix if side == 'left' else _MIRROR @ matrix @ _MIRROR
    return out
