"""Losses on 3D and 2D keypoints."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmroi.geometry.cameras import local_to_full, project, smooth_floor, to_crop_normalized
from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.labeled_root import root_of, root_weights
from mmroi.models.losses.reduction import labeled_mean, labeled_residual, over_sample
from mmroi.registry import MODELS
from mmroi.structures import SMPL_54, get_convention

# Meters. Points closer to the camera, or behind it, are projected as if just in front of it.
MIN_DEPTH, DEPTH_KNEE = 0.1, 0.3


class KeypointLoss(nn.Module):
    """Base of the keypoint losses: which joints count, and the divisor of their sum.

    Args:
        loss_weight: Weight.
        joints: Joints of ``smpl_54`` that count: the name of a convention, such as SPIN's ``'smpl_24'``, or
            indices; None for all 54.
        num_joints: Divisor of the sum over joints, labeled or not, as in SPIN and the released code; None to
            divide by the sum of the confidences, which gives datasets with few joints the same weight.

    Raises:
        ValueError: ``joints`` is not a known convention.
    """

    mask: Tensor

    def __init__(
        self, loss_weight: float, joints: str | Sequence[int] | None, num_joints: int | None
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.num_joints = num_joints
        if isinstance(joints, str):
            joints = [SMPL_54.index(name) for name in get_convention(joints) if name in SMPL_54]
        mask = torch.ones(len(SMPL_54)) if joints is None else torch.zeros(len(SMPL_54))
        if joints is not None:
            mask[list(joints)] = 1
        self.register_buffer('mask', mask, persistent=False)

    def _confidence(self, confidence: Tensor, has_label: Tensor) -> Tensor:
        """(N, 54) weights, zero for joints that do not count and samples without a label."""
        counts = (over_sample(has_label, confidence) > 0) & (self.mask > 0)
        return torch.where(counts, confidence, torch.zeros_like(confidence))

    def _mean_over_joints(self, values: Tensor, confidence: Tensor) -> Tensor:
        """(..., 54) weighted by ``confidence`` -> (...)."""
        divisor = self.num_joints or confidence.sum(-1).clamp(min=1e-6)
        return (values * confidence).sum(-1) / divisor


@MODELS.register_module()
class Keypoint3DLoss(KeypointLoss):
    """Squared error of root-aligned joints, weighted by confidence.

    Predictions and ground truth are aligned at the same labeled points: the midpoint of LSP's hips (as in
    SPIN), else of SMPL's hips, else a pelvis. Averages over joints and axes, then over the labeled samples.

    Args:
        loss_weight: Weight.
        joints: Joints that count, see :class:`KeypointLoss`.
        num_joints: Divisor of the sum over joints, see :class:`KeypointLoss`; 24 in SPIN and in the paper's
            released code.
    """

    def __init__(
        self,
        loss_weight: float = 5.0,
        joints: str | Sequence[int] | None = None,
        num_joints: int | None = None,
    ) -> None:
        super().__init__(loss_weight, joints, num_joints)

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count, from the confidences of their labels.

        Args:
            keypoints2d: (N, 54).
            keypoints3d: (N, 54).
            has_smpl: (N,), 0 or 1.

        Returns:
            Tensor: (N,) bool, True for samples with a root and a joint that counts.
        """
        counts = ((keypoints3d > 0) & (self.mask > 0)).any(1)
        return counts & root_weights(keypoints3d).any(1)

    @without_autocast
    def forward(self, joints: Tensor, keypoints3d: Tensor, has_keypoints3d: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            joints: Predicted (N, 54, 3), meters.
            keypoints3d: (N, 54, 4): position in meters and confidence. A sample that labels no root counts as
                unlabeled.
            has_keypoints3d: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        to_root = root_weights(keypoints3d[..., 3])
        has_label = has_keypoints3d * to_root.any(1)
        confidence = self._confidence(keypoints3d[..., 3], has_label)
        residual = labeled_residual(
            joints - root_of(joints, to_root),
            keypoints3d[..., :3] - root_of(keypoints3d[..., :3], to_root),
            confidence[..., None],
        )
        per_sample = self._mean_over_joints(residual.square().mean(-1), confidence)
        return self.loss_weight * labeled_mean(per_sample, (confidence > 0).any(1))


@MODELS.register_module()
class Keypoint2DLoss(KeypointLoss):
    """Squared error of joints projected with each RoI's own camera, weighted by confidence.

    Predicted and labeled points are compared in RoI m's crop, whose borders are -1 and 1. Averages over
    joints, axes and RoIs (the mean of the paper's Table 4), then over the labeled samples. A smooth floor
    keeps depths above 0.1 m: cameras of an untrained network may be inside the body, and the loss stays
    finite.

    Args:
        loss_weight: Weight.
        frame: ``'full'``: project the joints with the full camera of C_m into the whole image, then into the
            crop (CLIFF; the paper). ``'crop'``: project as if a distant camera looked straight at the center
            of each crop (HMR, SPIN).
        joints: Joints that count, see :class:`KeypointLoss`.
        num_joints: Divisor of the sum over joints, see :class:`KeypointLoss`; 49 in SPIN and in the paper's
            released code, where OpenPose's 25 have weight zero.
        crop_focal_length: Focal length of ``'crop'`` in heights of the crop; SPIN's 5000 pixels for crops of
            224 pixels.

    Raises:
        ValueError: ``frame`` is unknown.
    """

    def __init__(
        self,
        loss_weight: float = 5.0,
        frame: str = 'full',
        joints: str | Sequence[int] | None = None,
        num_joints: int | None = None,
        crop_focal_length: float = 5000 / 224,
    ) -> None:
        super().__init__(loss_weight, joints, num_joints)
        if frame not in ('full', 'crop'):
            raise ValueError(f"Keypoint2DLoss: frame must be 'full' or 'crop', got {frame!r}.")
        self.frame = frame
        self.crop_focal_length = crop_focal_length

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count; arguments as in :meth:`Keypoint3DLoss.reaches`."""
        return ((keypoints2d > 0) & (self.mask > 0)).any(1)

    @without_autocast
    def forward(
        self,
        joints: Tensor,
        cameras: Tensor,
        boxes: Tensor,
        focal_length: Tensor,
        aspect: float,
        keypoints2d: Tensor,
        has_keypoints2d: Tensor,
    ) -> Tensor:
        """Compute the loss.

        Args:
            joints: Predicted (N, 54, 3), or (N·M, 54, 3) with a mesh for each RoI; meters, body frame
                oriented as the camera's.
            cameras: Predicted local cameras (N, M, 3).
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.
            aspect: Width of the crops divided by their height.
            keypoints2d: (N, 54, 3): pixels relative to the principal point, and confidence.
            has_keypoints2d: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        confidence = self._confidence(keypoints2d[..., 2], has_keypoints2d)
        counts = (confidence > 0).any(1)
        confidence = confidence[:, None]
        wanted = to_crop_normalized(keypoints2d[:, None, :, :2], boxes, aspect)
        if self.frame == 'crop':
            # The crop is the image: its box is centered on the optical axis and one unit high.
            boxes = boxes.new_tensor([0.0, 0.0, 1.0]).expand_as(boxes)
            focal_length = torch.full_like(focal_length, self.crop_focal_length)
        translation = local_to_full(cameras, boxes, focal_length)
        joints = joints.reshape(len(cameras), -1, *joints.shape[-2:])
        points = joints + translation[:, :, None]
        points = torch.cat([points[..., :2], smooth_floor(points[..., 2:], MIN_DEPTH, DEPTH_KNEE)], dim=-1)
        pixels = project(points, torch.zeros_like(translation), focal_length)
        predicted = to_crop_normalized(pixels, boxes, aspect)
        residual = labeled_residual(predicted, wanted, confidence[..., None])
        per_roi = self._mean_over_joints(residual.square().mean(-1), confidence)
        return self.loss_weight * labeled_mean(per_roi.mean(1), counts)
