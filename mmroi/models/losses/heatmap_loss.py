"""Loss on heatmaps of 2D keypoints."""

import torch
from torch import Tensor, nn

from mmroi.geometry.cameras import to_crop_normalized
from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.reduction import labeled_mean
from mmroi.registry import MODELS


@MODELS.register_module()
class HeatmapLoss(nn.Module):
    """Kullback–Leibler divergence from the softmax over a crop's cells to a Gaussian around each keypoint.

    A keypoint counts in the RoIs whose crop contains it. Averages over the keypoints that count in a sample's
    RoIs, weighted by confidence, then over the labeled samples.

    Args:
        loss_weight: Weight.
        sigma: Standard deviation of the Gaussian in cells.
    """

    def __init__(self, loss_weight: float = 0.1, sigma: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.sigma = sigma

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count; arguments as in ``Keypoint3DLoss.reaches``."""
        return (keypoints2d > 0).any(1)

    @without_autocast
    def forward(
        self, heatmaps: Tensor, boxes: Tensor, aspect: float, keypoints2d: Tensor, has_keypoints2d: Tensor
    ) -> Tensor:
        """Compute the loss.

        Args:
            heatmaps: Logits (N, M, K, H, W).
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            aspect: Width of the crops divided by their height.
            keypoints2d: (N, K, 3): pixels relative to the principal point, and confidence.
            has_keypoints2d: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        points = to_crop_normalized(keypoints2d[:, None, :, :2], boxes, aspect)
        inside = (points.abs() < 1).all(-1)
        weight = torch.where(inside & (has_keypoints2d[:, None, None] > 0), keypoints2d[:, None, :, 2], 0.0)
        points = torch.where(weight[..., None] > 0, points, 0.0)
        height, width = heatmaps.shape[-2:]
        wanted = (
            _gaussian(points[..., 1], height, self.sigma)[..., :, None]
            * _gaussian(points[..., 0], width, self.sigma)[..., None, :]
        )
        log_scores = heatmaps.flatten(-2).log_softmax(-1)
        wanted = wanted.flatten(-2)
        divergence = (torch.special.xlogy(wanted, wanted) - wanted * log_scores).sum(-1)
        per_sample = (divergence * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=1e-6)
        return self.loss_weight * labeled_mean(per_sample, has_keypoints2d)


def _gaussian(center: Tensor, cells: int, sigma: float) -> Tensor:
    """Weights (..., cells) of sum 1 around ``center`` (...) in [-1, 1]; cell i is at (2i + 1)/cells - 1."""
    grid = torch.arange(cells, device=center.device, dtype=center.dtype)
    distance = grid - ((center[..., None] + 1) * cells / 2 - 0.5)
    return (-0.5 * (distance / sigma) ** 2).softmax(-1)
