"""Labels in wrong units, told by the size of bodies, their distance and the angles of their joints."""

import numpy as np

MAX_BODY_SIZE = 4.0  # meters, diagonal of the box around a person's joints
_MAX_DISTANCE = 300.0  # meters from the camera
_MAX_ANGLE = 4 * np.pi  # radians; fits leave angles somewhat above 2 pi

UNIT_FAULTS = {
    f'body larger than {MAX_BODY_SIZE:g} m': 'lengths must be in meters, not millimeters',
    f'person farther than {_MAX_DISTANCE:g} m': 'lengths must be in meters, not millimeters',
    'rotation beyond 4 pi': 'angles must be in radians, not degrees',
}
"""Faults of rows, in the order of the functions below, and what they mean where most rows have them."""


def body_sizes(keypoints3d: np.ndarray) -> np.ndarray:
    """Diagonals of the boxes around people's joints.

    Args:
        keypoints3d: (R, K, 4) x, y, z and confidence; joints without confidence do not count.

    Returns:
        (R,) in the unit of the keypoints; 0 where no joint is known.
    """
    points, seen = keypoints3d[..., :3], keypoints3d[..., 3:] > 0
    low = np.where(seen, points, np.inf).min(1, initial=np.inf)
    high = np.where(seen, points, -np.inf).max(1, initial=-np.inf)
    with np.errstate(invalid='ignore'):
        extent = np.where(high >= low, high - low, 0)
    return np.linalg.norm(extent, axis=1)


def too_large(keypoints3d: np.ndarray) -> np.ndarray:
    """People whose joints lie too far apart for meters.

    Args:
        keypoints3d: (R, K, 4) x, y, z and confidence.

    Returns:
        (R,) bool.
    """
    return body_sizes(keypoints3d) > MAX_BODY_SIZE


def too_far(transl: np.ndarray) -> np.ndarray:
    """People too far from the camera for meters.

    Args:
        transl: (R, 3).

    Returns:
        (R,) bool.
    """
    return np.linalg.norm(transl, axis=1) > _MAX_DISTANCE


def too_twisted(rotations: np.ndarray) -> np.ndarray:
    """People with a joint turned too far for radians.

    Args:
        rotations: (R, 3) or (R, J, 3) axis-angle.

    Returns:
        (R,) bool.
    """
    twisted = np.linalg.norm(rotations, axis=-1) > _MAX_ANGLE
    return twisted.any(tuple(range(1, twisted.ndim)))
