"""Loss on joints in the volume of a crop."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmroi.geometry.cameras import to_crop_normalized
from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.labeled_root import ROOTS, root_of, root_weights
from mmroi.models.losses.reduction import labeled_mean
from mmroi.registry import MODELS
from mmroi.structures import SMPL_54

# HybrIK's 29 joints: the skeleton, and the tips of its last bones.
HYBRIK_JOINTS = (
    *range(24),
    *(
        SMPL_54.index(name)
        for name in ('headtop', 'left_middle', 'right_middle', 'left_bigtoe', 'right_bigtoe')
    ),
)

# The volume is centered on SMPL's pelvis, which is therefore preferred.
_ROOTS = ROOTS[::-1]


@MODELS.register_module()
class VolumeLoss(nn.Module):
    """L1 distance of joints in the volume of the crop, whose sides lie at -0.5 and 0.5 (HybrIK, CVPR 2021).

    u and v are compared if a joint's pixel is labeled, and d, the depth behind the pelvis, if its position
    is. For datasets without SMPL's pelvis, depths are aligned at another pelvis or at the hips, whose depth
    behind the predicted pelvis is taken from the predicted body. Joints outside the volume do not count.
    Averages over the coordinates that count in a sample, then over the labeled samples.

    Args:
        loss_weight: Weight; 64 measures in cells, as HybrIK does.
        depth: Depth of the volume in meters.
        joints: Indices of the joints in ``smpl_54``.
    """

    def __init__(
        self, loss_weight: float = 64.0, depth: float = 2.0, joints: Sequence[int] = HYBRIK_JOINTS
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.depth = depth
        self.joints = list(joints)

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count; arguments as in ``Keypoint3DLoss.reaches``."""
        has_root = root_weights(keypoints3d, _ROOTS).any(1)
        has_depth = (keypoints3d[:, self.joints] > 0).any(1) & has_root
        return (keypoints2d[:, self.joints] > 0).any(1) | has_depth

    @without_autocast
    def forward(
        self,
        uvd: Tensor,
        joints: Tensor,
        boxes: Tensor,
        aspect: float,
        keypoints2d: Tensor,
        keypoints3d: Tensor,
        has_keypoints2d: Tensor,
        has_keypoints3d: Tensor,
    ) -> Tensor:
        """Compute the loss.

        Args:
            uvd: Predicted (N, K, 3).
            joints: Joints of the predicted body (N, 54, 3), meters; no gradient flows to them.
            boxes: (N, 1, 3) float64, pixels relative to the principal point.
            aspect: Width of the crops divided by their height.
            keypoints2d: (N, 54, 3): pixels relative to the principal point, and confidence.
            keypoints3d: (N, 54, 4): position in meters and confidence.
            has_keypoints2d: (N,), 0 or 1.
            has_keypoints3d: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        pixels, points = keypoints2d[:, self.joints], keypoints3d[:, self.joints]
        to_root = root_weights(keypoints3d[..., 3], _ROOTS)
        body_depth = (joints - joints[:, :1])[..., 2:].detach()
        depth = points[..., 2:3] - root_of(keypoints3d[..., 2:3], to_root) + root_of(body_depth, to_root)
        wanted = torch.cat(
            [to_crop_normalized(pixels[..., :2], boxes[:, 0], aspect) / 2, depth / self.depth], dim=-1
        )
        seen = has_keypoints2d[:, None] * pixels[..., 2]
        placed = has_keypoints3d[:, None] * points[..., 3] * to_root.any(1, keepdim=True)
        weight = torch.stack([seen, seen, placed], dim=-1)
        weight = torch.where(wanted.abs() < 0.5, weight, torch.zeros_like(weight))
        residual = torch.where(weight > 0, uvd - wanted, torch.zeros_like(uvd))
        total = weight.sum((1, 2))
        per_sample = (residual.abs() * weight).sum((1, 2)) / total.clamp(min=1e-6)
        return self.loss_weight * labeled_mean(per_sample, total > 0)
