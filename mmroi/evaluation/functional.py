"""Errors per sample, as pure functions on batches.

Positions go in and distances come out in the same unit (metres in this project; `MeshMetric` reports mm).
The names are the field's: MPJPE and PA-MPJPE as in HMR (Kanazawa et al., CVPR 2018), PVE as in Pose2Pose.
"""

from torch import Tensor

from mmroi.geometry import geodesic_distance, similarity_align


def joint_errors(pred: Tensor, target: Tensor) -> Tensor:
    """Distance of each predicted point to its target.

    Args:
        pred: Points, (N, K, 3).
        target: Points, (N, K, 3).

    Returns:
        Distances, (N, K).

    Raises:
        ValueError: If the shapes differ (nothing is broadcast: that hides mistakes).
    """
    if pred.shape != target.shape:
        raise ValueError(
            f'predicted points have shape {tuple(pred.shape)}, their targets {tuple(target.shape)}'
        )
    return (pred - target).norm(dim=-1)


def mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error of points that are already aligned at their roots.

    Args:
        pred: Joints minus the predicted root, (N, K, 3).
        target: Joints minus the true root, (N, K, 3).

    Returns:
        Mean distances, (N,).
    """
    return joint_errors(pred, target).mean(dim=-1)


def pa_mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error after the best similarity (scale, rotation, translation) of each sample.

    Args:
        pred: Joints, (N, K, 3).
        target: Joints, (N, K, 3).

    Returns:
        Mean distances in the target's unit, (N,).
    """
    return mpjpe(similarity_align(pred, target), target)


def pve(pred: Tensor, target: Tensor) -> Tensor:
    """Per-vertex error: mean distance over all vertices of the mesh.

    Args:
        pred: Vertices, (N, V, 3), aligned as the protocol says.
        target: Vertices, (N, V, 3).

    Returns:
        Mean distances, (N,).
    """
    return joint_errors(pred, target).mean(dim=-1)


def camera_translation_error(pred: Tensor, target: Tensor) -> Tensor:
    """Distance of the predicted to the true position of the pelvis in the camera frame.

    The position of the pelvis is compared, not the translation parameter: the latter is relative to an
    arbitrary origin of the template and moves with the shape.

    Args:
        pred: Pelvis in the camera frame, (N, 3).
        target: Pelvis in the camera frame, (N, 3).

    Returns:
        Distances, (N,).
    """
    return (pred - target).norm(dim=-1)


def depth_error(pred: Tensor, target: Tensor) -> Tensor:
    """Relative error of the depth of the pelvis.

    Args:
        pred: Pelvis in the camera frame, (N, 3).
        target: Pelvis in the camera frame, (N, 3).

    Returns:
        |z' - z| / z in per cent, (N,).
    """
    return 100 * (pred[:, 2] - target[:, 2]).abs() / target[:, 2].abs()


def orientation_error(pred: Tensor, target: Tensor) -> Tensor:
    """Angle between the predicted and the true global orientation.

    Args:
        pred: Rotation matrices, (N, 3, 3).
        target: Rotation matrices, (N, 3, 3).

    Returns:
        Angles in degrees, (N,).
    """
    return geodesic_distance(pred, target).rad2deg()
