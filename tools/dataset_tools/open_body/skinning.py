"""Skinning weights of SMPL's 24 joints, and pose blend shapes that stand in for dual-quaternion skinning.

Linear blend skinning loses volume where joints bend and twist. Dual-quaternion skinning (Kavan et al., 2008)
does not, but SMPL's format has no place for it; its difference from linear blend skinning, carried back to
the rest pose, is fitted by SMPL's pose blend shapes, joint by joint.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.structures import SMPL_PARENTS
from open_body.topology import MIRROR_JOINTS

PARENTS = np.array(SMPL_PARENTS)
_MAX_BONES, _POSES, _RIDGE, _THRESHOLD = 4, 60, 0.05, 1.5e-5
_LARGEST_ANGLE = 2.0  # radians
_STRENGTH = 0.7  # share of the missing offsets: all of it keeps volume, but makes shoulders and knees bulge


def joint_weights(bone_weights: np.ndarray, joint_of_bone: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(V, 24) mirror-symmetric weights of four (at ties five) joints per vertex, from (V, B) of the bones."""
    weights = bone_weights @ np.eye(24)[joint_of_bone]
    weights = (weights + weights[mirror][:, MIRROR_JOINTS]) / 2
    weights[weights < 1e-3] = 0
    smallest = np.argsort(-weights, axis=1, kind='stable')[:, _MAX_BONES:]
    np.put_along_axis(weights, smallest, 0, axis=1)
    weights /= weights.sum(1, keepdims=True)
    # Ties may have been cut differently on the two sides.
    return (weights + weights[mirror][:, MIRROR_JOINTS]) / 2


def fit_posedirs(
    template: np.ndarray,
    joints: np.ndarray,
    weights: np.ndarray,
    mirror: np.ndarray,
    rng: np.random.Generator,
    report: Callable[[str], None],
) -> np.ndarray:
    """Mirror-symmetric pose blend shapes.

    Args:
        template: (V, 3).
        joints: (24, 3) rest joints.
        weights: (V, 24).
        mirror: (V,) index of each vertex's mirror image.
        rng: Draws the poses.
        report: Called with a line of progress.

    Returns:
        np.ndarray: posedirs (V, 3, 207); multiplied by the 23 * 9 entries of R - I.
    """
    posedirs = np.zeros((len(template), 3, 23, 3, 3))
    before = after = 0.0
    for joint in range(1, 24):
        if MIRROR_JOINTS[joint] < joint:
            continue  # right side: mirrored below
        share = weights[:, _with_descendants(joint)].sum(1)
        near = np.flatnonzero((share > 1e-3) & (share < 1 - 1e-3))  # all others move rigidly
        features, targets = [], []
        for _ in range(_POSES):
            axis = rng.normal(size=3)
            turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * rng.uniform(0.1, _LARGEST_ANGLE))
            targets.append(_missing_offsets(template[near] - joints[joint], share[near, None], turn).ravel())
            features.append((turn.as_matrix() - np.eye(3)).ravel())
        x, y = np.array(features), np.array(targets)
        solution = np.linalg.solve(x.T @ x + _RIDGE * np.eye(9), x.T @ y)
        before, after = before + (y**2).sum(), after + ((y - x @ solution) ** 2).sum()
        posedirs[near, :, joint - 1] = _STRENGTH * solution.T.reshape(-1, 3, 3, 3)
    # R of the mirrored pose is S R S with S = diag(-1, 1, 1), so the mirrored blend shape changes sign where
    # S does.
    sign = np.array([-1.0, 1, 1])
    mirrored = posedirs[mirror][:, :, MIRROR_JOINTS[1:] - 1]
    mirrored = mirrored * sign[:, None, None, None] * sign[:, None] * sign
    side = MIRROR_JOINTS[1:] - np.arange(1, 24)
    posedirs[:, :, side < 0] = mirrored[:, :, side < 0]
    posedirs[:, :, side == 0] = (posedirs + mirrored)[:, :, side == 0] / 2
    posedirs[np.abs(posedirs) < _THRESHOLD] = 0
    report(
        f'pose blend shapes: {1 - after / before:.1%} of the missing offsets explained, '
        f'{(posedirs != 0).mean():.1%} non-zero, largest {np.abs(posedirs).max() * 1e3:.1f} mm'
    )
    return posedirs.reshape(len(template), 3, 207)


def _missing_offsets(points: np.ndarray, share: np.ndarray, turn: Rotation) -> np.ndarray:
    """(V, 3) offsets in rest pose that lead linear blend skinning to dual-quaternion skinning.

    Args:
        points: (V, 3) relative to the joint.
        share: (V, 1) skinning weight that turns with the joint.
        turn: The joint's rotation.
    """
    blended = share[..., None] * turn.as_matrix() + (1 - share[..., None]) * np.eye(3)
    linear = np.einsum('vij,vj->vi', blended, points)
    # Dual quaternions of turns about one point blend to a turn about that point: only the real parts matter.
    x, y, z, w = turn.as_quat(canonical=True)
    exact = Rotation.from_quat(np.hstack([share * np.array([x, y, z]), 1 - share + share * w])).apply(points)
    return np.einsum('vij,vj->vi', np.linalg.pinv(blended, rcond=0.2), exact - linear)


def _with_descendants(joint: int) -> list[int]:
    found = [joint]
    for child in range(joint + 1, 24):
        if PARENTS[child] in found:
            found.append(child)
    return found
