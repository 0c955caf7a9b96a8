"""Losses on 3D and 2D keypoints."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmroi.geometry.cameras import local_to_full, project, to_crop_normalized
from mmroi.models.losses.reduction import labelled_mean, labelled_residual, over_sample
from mmroi.models.numerics import smooth_floor, without_autocast
from mmroi.registry import MODELS

SMPL_HIPS = (1, 2)  # left and right hip of smpl_54

# Metres. Points nearer to the camera, or behind it, are projected as if they stood just before it.
MIN_DEPTH, DEPTH_KNEE = 0.1, 0.3


@MODELS.register_module()
class Keypoint3DLoss(nn.Module):
    """Squared error of pelvis-aligned joints, weighted by confidence.

    The pelvis is the mean of the two hips. Of each sample the mean is taken over all joints and axes, so that
    an unlabelled joint counts as zero (as in SPIN), then the mean over the labelled samples.

    Args:
        loss_weight: Weight.
        joint_weights: K weights of the joints, which multiply the confidences; None for ones.
        pelvis: Indices of the two joints between which the pelvis lies.
    """

    joint_weights: Tensor | None

    def __init__(self, loss_weight: float = 5.0, joint_weights: Sequence[float] | None = None,
                 pelvis: Sequence[int] = SMPL_HIPS) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.pelvis = list(pelvis)
        self.register_buffer('joint_weights', _as_buffer(joint_weights), persistent=False)

    @without_autocast
    def forward(self, joints: Tensor, target: Tensor, has_keypoints3d: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            joints: Predicted (N, K, 3), metres.
            target: (N, K, 4): position in metres and confidence. A sample whose hips have no confidence
                counts as unlabelled.
            has_keypoints3d: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        has_pelvis = (target[:, self.pelvis, 3] > 0).all(1)
        has_label = has_keypoints3d * has_pelvis
        confidence = _confidence(target[..., 3], self.joint_weights, has_label)
        joints = joints - joints[:, self.pelvis].mean(1, keepdim=True)
        points = target[..., :3] - target[:, self.pelvis, :3].mean(1, keepdim=True)
        squared = labelled_residual(joints, points, confidence).square() * confidence
        return self.loss_weight * labelled_mean(squared.flatten(1).mean(1), has_label)


@MODELS.register_module()
class Keypoint2DLoss(nn.Module):
    """Squared error of joints projected with each RoI's own camera, weighted by confidence.

    Predicted and labelled points are compared in RoI m's crop, whose borders are -1 and 1. Mean over joints
    and axes, sum over the RoIs, mean over the labelled samples. Depths are kept above 0.1 m smoothly, so that
    a camera of an untrained network, which may stand within the body, gives a finite loss.

    Args:
        loss_weight: Weight.
        frame: ``'full'``: the joints are projected with the full camera of C_m into the whole image, then
            into the crop, as the photograph was taken (CLIFF; the paper). ``'crop'``: as if a camera of its
            own looked straight at the middle of each crop, from far away (HMR, SPIN).
        joint_weights: K weights of the joints, which multiply the confidences; None for ones.
        crop_focal_length: Focal length of ``'crop'`` in heights of the crop; SPIN's 5000 pixels for crops of
            224 pixels.

    Raises:
        ValueError: ``frame`` is unknown.
    """

    joint_weights: Tensor | None

    def __init__(self, loss_weight: float = 5.0, frame: str = 'full',
                 joint_weights: Sequence[float] | None = None, crop_focal_length: float = 5000 / 224) -> None:
        super().__init__()
        if frame not in ('full', 'crop'):
            raise ValueError(f"Keypoint2DLoss: frame must be 'full' or 'crop', got {frame!r}.")
        self.loss_weight = loss_weight
        self.frame = frame
        self.crop_focal_length = crop_focal_length
        self.register_buffer('joint_weights', _as_buffer(joint_weights), persistent=False)

    @without_autocast
    def forward(self, joints: Tensor, cameras: Tensor, boxes: Tensor, focal_length: Tensor, aspect: float,
                target: Tensor, has_keypoints2d: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            joints: Predicted (N, K, 3), or (N, M, K, 3) of a mesh for each RoI; metres, body frame oriented
                as the camera's.
            cameras: Predicted local cameras (N, M, 3).
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.
            aspect: Width of the crops divided by their height.
            target: (N, K, 3): pixels relative to the principal point, and confidence.
            has_keypoints2d: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        confidence = _confidence(target[..., 2], self.joint_weights, has_keypoints2d)
        wanted = to_crop_normalized(target[:, None, :, :2], boxes, aspect)
        if self.frame == 'crop':
            # The crop is the image: its box lies about the optical axis and is one unit high.
            boxes = boxes.new_tensor([0.0, 0.0, 1.0]).expand_as(boxes)
            focal_length = torch.full_like(focal_length, self.crop_focal_length)
        translation = local_to_full(cameras, boxes, focal_length)
        joints = joints if joints.dim() == 4 else joints[:, None]
        points = joints + translation[:, :, None]
        points = torch.cat([points[..., :2], smooth_floor(points[..., 2:], MIN_DEPTH, DEPTH_KNEE)], dim=-1)
        pixels = project(points, torch.zeros_like(translation), focal_length)
        predicted = to_crop_normalized(pixels, boxes, aspect)
        weight = confidence[:, None]
        squared = labelled_residual(predicted, wanted, weight).square() * weight
        return self.loss_weight * labelled_mean(squared.mean((-2, -1)).sum(1), has_keypoints2d)


def _as_buffer(weights: Sequence[float] | None) -> Tensor | None:
    return None if weights is None else torch.tensor(weights)


def _confidence(confidence: Tensor, joint_weights: Tensor | None, has_label: Tensor) -> Tensor:
    """(N, K, 1) weights, zero where a sample has no label."""
    weights = confidence if joint_weights is None else confidence * joint_weights
    weights = torch.where(over_sample(has_label, weights) > 0, weights, torch.zeros_like(weights))
    return weights[..., None]
