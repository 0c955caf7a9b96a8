"""Skinning weights of SMPL's 24 joints, and pose blend shapes that approximate dual-quaternion skinning.

Linear blend skinning loses volume where joints bend and twist. Dual-quaternion skinning (Kavan et al., 2008)
does not, but SMPL's format has no place for it. So SMPL's pose blend shapes are fitted, joint by joint, to
its difference from linear blend skinning, mapped back to the rest pose.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.body_models.open_body.topology import MIRROR_JOINTS
from mmroi.structures import SMPL_PARENTS

PARENTS = np.array(SMPL_PARENTS)
_MAX_BONES, _POSES, _RIDGE, _THRESHOLD = 4, 60, 0.05, 1.5e-5
_LARGEST_ANGLE = 2.0  # radians
_STRENGTH = (
    0.7  # share of the offsets to apply: all of them keep the volume but make shoulders and knees bulge
)


def joint_weights(bone_weights: np.ndarray, joint_of_bone: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Merge bone weights into mirror-symmetric joint weights, four joints (five at ties) per vertex.

    Args:
        bone_weights: (V, B) skinning weights of the bones.
        joint_of_bone: (B,) joint that each bone moves with.
        mirror: (V,) index of each vertex's mirror image.

    Returns:
        (V, 24), rows sum to 1.
    """
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
    """Fit mirror-symmetric pose blend shapes.

    Args:
        template: (V, 3) rest vertices.
        joints: (24, 3) rest joints.
        weights: (V, 24) skinning weights.
        mirror: (V,) index of each vertex's mirror image.
        rng: Random generator for the poses.
        report: Called with a line of progress.

    Returns:
        Posedirs (V, 3, 207), to be multiplied by the 23 * 9 entries of R - I.
    """
    posedirs = np.zeros((len(template), 3, 23, 3, 3))
    before = after = 0.0
    for joint in range(1, 24):
        if MIRROR_JOINTS[joint] < joint:
            continue  # a right joint: mirrored below
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
    # The mirrored pose has rotations S R S with S = diag(-1, 1, 1), so entries of the mirrored blend shape
    # change sign with S.
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
    """Compute the rest-pose offsets that turn linear blend skinning into dual-quaternion skinning.

    Args:
        points: (V, 3) relative to the joint.
        share: (V, 1) skinning weight of the joint and its descendants.
        turn: The joint's rotation.

    Returns:
        (V, 3) offsets.
    """
    blended = share[..., None] * turn.as_matrix() + (1 - share[..., None]) * np.eye(3)
    linear = np.einsum('vij,vj->vi', blended, points)
    # Dual quaternions of rotations about one point blend to a rotation about it: only the real parts matter.
    x, y, z, w = turn.as_quat(canonical=True)
    exact = Rotation.from_quat(np.hstack([share * np.array([x, y, z]), 1 - share + share * w])).apply(points)
    return np.einsum('vij,vj->vi', np.linalg.pinv(blended, rcond=0.2), exact - linear)


def _with_descendants(joint: int) -> list[int]:
    """List a joint and all joints below it."""
    found = [joint]
    for child in range(joint + 1, 24):
        if PARENTS[child] in found:
            found.append(child)
    return found
