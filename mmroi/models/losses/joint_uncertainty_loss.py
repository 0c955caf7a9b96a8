"""Negative log-likelihood of the errors of joints under predicted standard deviations."""

import math

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.reduction import labeled_mean, labeled_residual, over_sample
from mmroi.registry import MODELS
from mmroi.utils.choices import LIKELIHOODS


@MODELS.register_module()
class JointUncertaintyLoss(nn.Module):
    """Negative log-likelihood of the errors of joints, in nats, averaged over joints, then labeled samples.

    The error is the vector e between predicted and true joint, both relative to Human3.6M's pelvis, as in
    MPJPE; sigma is the standard deviation of each of its coordinates. The density is isotropic:

    * ``'gaussian'``: ``exp(-|e|^2 / (2 sigma^2)) / (2 pi sigma^2)^(3/2)``;
    * ``'laplace'``: ``exp(-2 |e| / sigma) / (pi sigma^3)``, with the heavier tail of errors in practice.

    During the warm-up the loss is zero: at first the errors are those of an untrained regression. It counts
    the epochs and iterations of the run, those before resuming included.

    Args:
        likelihood: ``'laplace'`` or ``'gaussian'``.
        loss_weight: Weight.
        warmup_epochs: Number of epochs before the loss begins.
        warmup_iters: Number of iterations before it begins.
        detach: Take the errors as given. False: the likelihood also trains the mesh, whose errors count the
            less the larger their standard deviations are. ``JointUncertaintyHead.detach`` is about the
            gradients through features.

    Raises:
        ValueError: The likelihood is unknown.
    """

    def __init__(
        self,
        likelihood: str = 'laplace',
        loss_weight: float = 1.0,
        warmup_epochs: int = 0,
        warmup_iters: int = 0,
        detach: bool = True,
    ) -> None:
        super().__init__()
        if likelihood not in LIKELIHOODS:
            raise ValueError(
                f'JointUncertaintyLoss: likelihood must be one of {LIKELIHOODS}, got {likelihood!r}.'
            )
        self.likelihood = likelihood
        self.loss_weight = loss_weight
        self.warmup_epochs = warmup_epochs
        self.warmup_iters = warmup_iters
        self.detach = detach

    def reaches(self, keypoints2d: Tensor, keypoints3d: Tensor, has_smpl: Tensor) -> Tensor:
        """Find the samples that count; arguments as in ``Keypoint3DLoss.reaches``."""
        return has_smpl > 0

    @without_autocast
    def forward(
        self,
        joints_std: Tensor,
        joints: Tensor,
        root: Tensor,
        gt_joints: Tensor,
        gt_root: Tensor,
        has_smpl: Tensor,
    ) -> Tensor:
        """Compute the loss.

        Args:
            joints_std: Standard deviations (N, K) of the first K joints, meters.
            joints: Predicted (N, 54, 3), meters; (N·M, 54, 3) with a mesh for each RoI, of which the base
                RoI's counts. The same holds for what follows.
            root: Root of the prediction (N, 3): H36M joint 0.
            gt_joints: (N, 54, 3), meters.
            gt_root: (N, 3).
            has_smpl: (N,), 0 or 1.

        Returns:
            Tensor: Scalar.
        """
        per_person = len(joints) // len(joints_std)
        joints, root, gt_joints, gt_root, has_smpl = (
            rows[::per_person] for rows in (joints, root, gt_joints, gt_root, has_smpl)
        )
        count = joints_std.shape[1]
        residual = labeled_residual(
            joints[:, :count] - root[:, None],
            gt_joints[:, :count] - gt_root[:, None],
            over_sample(has_smpl, joints),
        )
        if self.detach:
            residual = residual.detach()
        per_joint = negative_log_likelihood(residual, joints_std, self.likelihood)
        weight = 0.0 if self._is_warming_up() else self.loss_weight
        return weight * labeled_mean(per_joint.mean(1), has_smpl)

    def _is_warming_up(self) -> bool:
        if not (self.warmup_epochs or self.warmup_iters):
            return False
        hub = MessageHub.get_current_instance()
        return hub.get_info('epoch', 0) < self.warmup_epochs or hub.get_info('iter', 0) < self.warmup_iters


def negative_log_likelihood(residual: Tensor, std: Tensor, likelihood: str) -> Tensor:
    """Compute the negative logarithm of an isotropic density in space.

    Args:
        residual: (..., 3), meters.
        std: Standard deviation of each coordinate (...), meters.
        likelihood: ``'laplace'`` or ``'gaussian'``.

    Returns:
        Tensor: (...), nats.
    """
    scaled = residual.norm(dim=-1) / std
    if likelihood == 'gaussian':
        return 3 * torch.log(std) + 0.5 * scaled.square() + 1.5 * math.log(2 * math.pi)
    return 3 * torch.log(std) + 2 * scaled + math.log(math.pi)
