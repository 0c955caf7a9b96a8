"""Camera consistency loss (paper section 3.2, equations 15 and 16)."""

import torch
from torch import Tensor, nn

from mmroi.geometry.cameras import local_to_full, smooth_floor
from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.reduction import labeled_mean
from mmroi.registry import MODELS

# The logarithm is of b s; scales below the knee, which are no valid cameras, are kept above zero.
MIN_SCALE, SCALE_KNEE = 1e-3, 1e-2


@MODELS.register_module()
class CameraConsistencyLoss(nn.Module):
    r"""Disagreement between the full cameras of a person's RoIs, which show the same person and camera.

    With :math:`a_m = (t_x + 2 c_x / (b s), t_y + 2 c_y / (b s), \sigma(b s))` of RoI m the loss is the sum of
    the weighted squares of :math:`a_m - a_n` over all ordered pairs, which equals :math:`2 M \sum_m \|a_m -
    \bar a\|^2`, and the mean over persons. Computed in float64.

    The paper has :math:`\sigma(b s) = b s` in pixels with weight 1e-4 on the square. The released code
    multiplies the residual by 1e-4 before squaring, which is weight 1e-8 on the square; it equals
    ``CameraConsistencyLoss(1.0, 1.0, 1e-8, scale='pixels', pairs='anchor', sum_xy=True)``.

    Args:
        weight_x: Weight of the squared x residuals (square meters).
        weight_y: Weight of the squared y residuals.
        weight_s: Weight of the squared residuals of the scale.
        scale: How b s, the size of a 2 m box in the image, is compared: ``'log'``, by its logarithm, which
            makes residuals relative errors of the depth, independent of the image size; or ``'pixels'``.
        pairs: ``'all'`` ordered pairs, summed (the paper); or ``'anchor'``: the first RoI against each,
            itself included, and the mean over the M RoIs (the released code).
        sum_xy: Square the sum of the x and y residuals, which can cancel, like the released code.
        loss_weight: Weight.

    Raises:
        ValueError: ``scale`` or ``pairs`` is unknown, or ``weight_x`` and ``weight_y`` differ under
            ``sum_xy``.
    """

    weights: Tensor

    def __init__(
        self,
        weight_x: float = 0.1,
        weight_y: float = 0.1,
        weight_s: float = 0.1,
        scale: str = 'log',
        pairs: str = 'all',
        sum_xy: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if scale not in ('log', 'pixels'):
            raise ValueError(f"CameraConsistencyLoss: scale must be 'log' or 'pixels', got {scale!r}.")
        if pairs not in ('all', 'anchor'):
            raise ValueError(f"CameraConsistencyLoss: pairs must be 'all' or 'anchor', got {pairs!r}.")
        if sum_xy and weight_x != weight_y:
            raise ValueError(
                'CameraConsistencyLoss: sum_xy squares one sum, so weight_x and weight_y must '
                f'be equal, got {weight_x} and {weight_y}.'
            )
        self.scale = scale
        self.pairs = pairs
        self.sum_xy = sum_xy
        self.loss_weight = loss_weight
        weights = torch.tensor([weight_x, weight_y, weight_s], dtype=torch.float64)
        self.register_buffer('weights', weights[1:] if sum_xy else weights, persistent=False)

    @without_autocast
    def forward(self, cameras: Tensor, boxes: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            cameras: Local cameras (N, M, 3), (s, t_x, t_y).
            boxes: (N, M, 3), pixels relative to the principal point.

        Returns:
            Tensor: Scalar, dtype of ``cameras``; zero for M = 1.
        """
        local, boxes = cameras.double(), boxes.double()
        # x and y of the full camera do not depend on the focal length.
        center = local_to_full(local, boxes, 1.0)[..., :2]
        if self.sum_xy:
            center = center.sum(-1, keepdim=True)
        shared = torch.cat([center, self._scale_of(local[..., :1], boxes[..., 2:])], dim=-1)
        if self.pairs == 'all':
            squared = 2 * shared.shape[1] * (shared - shared.mean(1, keepdim=True)).square().sum(1)
        else:
            squared = (shared - shared[:, :1]).square().mean(1)
        per_person = (squared * self.weights.to(squared)).sum(-1)
        return (self.loss_weight * labeled_mean(per_person, torch.ones_like(per_person))).to(cameras.dtype)

    def _scale_of(self, s: Tensor, b: Tensor) -> Tensor:
        return b * s if self.scale == 'pixels' else b.log() + smooth_floor(s, MIN_SCALE, SCALE_KNEE).log()
