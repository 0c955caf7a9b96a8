"""Errors per sample, as pure functions of batches.

Distances have the unit of the positions (meters in this project; ``MeshMetric`` reports mm). MPJPE and
PA-MPJPE are defined as in HMR (Kanazawa et al., CVPR 2018), PVE as in Pose2Pose, PCK and AUC as in
MPI-INF-3DHP (Mehta et al., 3DV 2017).
"""

import torch
from torch import Tensor

from mmroi.geometry import geodesic_distance, similarity_align


def joint_errors(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the distance of each predicted point to its target.

    Args:
        pred: Points, (N, K, 3).
        target: Points, (N, K, 3).

    Returns:
        Distances, (N, K).

    Raises:
        ValueError: If the shapes differ. Nothing is broadcast, because that hides mistakes.
    """
    if pred.shape != target.shape:
        raise ValueError(
            f'predicted points have shape {tuple(pred.shape)}, their targets {tuple(target.shape)}'
        )
    return (pred - target).norm(dim=-1)


def mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the mean per-joint position error of points that are aligned at their roots.

    Args:
        pred: Joints minus the predicted root, (N, K, 3).
        target: Joints minus the true root, (N, K, 3).

    Returns:
        Mean distances, (N,).
    """
    return joint_errors(pred, target).mean(dim=-1)


def pa_joint_errors(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the distance of each point to its target after the best similarity of each sample.

    A similarity is a scale, a rotation, and a translation.

    Args:
        pred: Points, (N, K, 3).
        target: Points, (N, K, 3).

    Returns:
        Distances in the target's unit, (N, K).
    """
    return joint_errors(similarity_align(pred, target), target)


def pa_mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the mean per-joint position error after the best similarity of each sample.

    Args:
        pred: Joints, (N, K, 3).
        target: Joints, (N, K, 3).

    Returns:
        Mean distances in the target's unit, (N,).
    """
    return pa_joint_errors(pred, target).mean(dim=-1)


def pck(errors: Tensor, threshold: float) -> Tensor:
    """Compute the percentage of correct keypoints: those with an error below a threshold.

    Args:
        errors: Distances of K joints, (N, K).
        threshold: In the unit of the distances; exclusive.

    Returns:
        Percentages, (N,).
    """
    return 100 * (errors < threshold).double().mean(dim=-1)


def auc(errors: Tensor, max_threshold: float, steps: int = 31) -> Tensor:
    """Compute the area under the PCK curve: its mean over equally spaced thresholds from 0 to the largest.

    With 31 steps to 150 mm these are the thresholds of MPI-INF-3DHP's official code, every 5 mm. No error is
    below the first, 0, so the best value is 96.8 %.

    Args:
        errors: Distances of K joints, (N, K).
        max_threshold: In the unit of the distances.
        steps: Number of thresholds.

    Returns:
        Percentages, (N,).
    """
    thresholds = torch.linspace(0, max_threshold, steps, dtype=torch.float64).tolist()
    return torch.stack([pck(errors, threshold) for threshold in thresholds]).mean(dim=0)


def pve(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the per-vertex error: the mean distance over all vertices.

    Args:
        pred: Vertices, (N, V, 3), aligned as the protocol requires.
        target: Vertices, (N, V, 3).

    Returns:
        Mean distances, (N,).
    """
    return joint_errors(pred, target).mean(dim=-1)


def camera_translation_error(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the distance of the predicted to the true pelvis in the camera frame.

    The pelvis is compared rather than the translation parameter, which is relative to an arbitrary origin of
    the template and moves with the shape.

    Args:
        pred: Pelvis in the camera frame, (N, 3).
        target: Pelvis in the camera frame, (N, 3).

    Returns:
        Distances, (N,).
    """
    return (pred - target).norm(dim=-1)


def depth_error(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the relative error of the depth of the pelvis.

    Args:
        pred: Pelvis in the camera frame, (N, 3).
        target: Pelvis in the camera frame, (N, 3).

    Returns:
        ``|z' - z| / z`` in %, (N,).
    """
    return 100 * (pred[:, 2] - target[:, 2]).abs() / target[:, 2].abs()


def orientation_error(pred: Tensor, target: Tensor) -> Tensor:
    """Compute the angle between the predicted and the true global orientation.

    Args:
        pred: Rotation matrices, (N, 3, 3).
        target: Rotation matrices, (N, 3, 3).

    Returns:
        Angles in degrees, (N,).
    """
    return geodesic_distance(pred, target).rad2deg()
