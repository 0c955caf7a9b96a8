"""Losses on SMPL parameters and vertices."""

from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.reduction import labeled_mean, labeled_residual, over_sample
from mmroi.registry import MODELS


@MODELS.register_module()
class SMPLParameterLoss(nn.Module):
    """Squared error of rotation matrices and betas, averaged over elements, then labeled samples (SPIN).

    Args:
        pose_weight: Weight of the rotations.
        betas_weight: Weight of the shape.
        loss_weight: Weight of the sum.
    """

    def __init__(
        self, pose_weight: float = 1.0, betas_weight: float = 0.001, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.pose_weight = pose_weight
        self.betas_weight = betas_weight
        self.loss_weight = loss_weight

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count; arguments as in ``Keypoint3DLoss.reaches``."""
        return has_smpl > 0

    @without_autocast
    def forward(
        self,
        rotations: Tensor,
        betas: Tensor,
        gt_rotations: Tensor,
        gt_betas: Tensor,
        has_smpl: Tensor,
    ) -> Tensor:
        """Compute the loss.

        Args:
            rotations: Predicted rotation matrices (N, 24, 3, 3).
            betas: Predicted shape (N, 10).
            gt_rotations: (N, 24, 3, 3).
            gt_betas: (N, 10).
            has_smpl: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        pose = labeled_residual(rotations, gt_rotations, over_sample(has_smpl, rotations))
        shape = labeled_residual(betas, gt_betas, over_sample(has_smpl, betas))
        pose_error, shape_error = pose.square().flatten(1).mean(1), shape.square().mean(1)
        per_sample = self.pose_weight * pose_error + self.betas_weight * shape_error
        return self.loss_weight * labeled_mean(per_sample, has_smpl)


@MODELS.register_module()
class VertexLoss(nn.Module):
    """L1 distance of root-aligned vertices in meters, averaged over elements, then labeled samples.

    Args:
        loss_weight: Weight.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count; arguments as in ``Keypoint3DLoss.reaches``."""
        return has_smpl > 0

    @without_autocast
    def forward(
        self, vertices: Tensor, root: Tensor, gt_vertices: Tensor, gt_root: Tensor, has_smpl: Tensor
    ) -> Tensor:
        """Compute the loss.

        Args:
            vertices: Predicted (N, V, 3), meters.
            root: Root of the prediction (N, 3): H36M joint 0.
            gt_vertices: (N, V, 3), meters.
            gt_root: (N, 3).
            has_smpl: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        residual = labeled_residual(
            vertices - root[:, None], gt_vertices - gt_root[:, None], over_sample(has_smpl, vertices)
        )
        return self.loss_weight * labeled_mean(residual.abs().flatten(1).mean(1), has_smpl)
