"""Camera consistency loss (paper section 3.2, equations 15 and 16)."""
import torch
from torch import Tensor, nn

from mmroi.geometry.cameras import local_to_full
from mmroi.models.numerics import without_autocast
from mmroi.registry import MODELS


@MODELS.register_module()
class CameraConsistencyLoss(nn.Module):
    r"""All RoIs of a person were seen by the same full camera, so their cameras must agree.

    With :math:`a_m = (t_x + 2 c_x / (b s), t_y + 2 c_y / (b s), b s)` of RoI m the loss is the sum of the
    weighted squares of :math:`a_m - a_n` over all ordered pairs, which equals :math:`2 M \sum_m \|a_m - \bar
    a\|^2`, and the mean over persons. Computed in float64.

    Args:
        weight_x: Weight of the x residuals (metres squared).
        weight_y: Weight of the y residuals.
        weight_s: Weight of the residuals of b s (pixels squared).
        pairs: ``'all'`` ordered pairs, or ``'anchor'``: the first RoI against each other one, once (the pairs
            of the authors' code, which however squares the sum of the x and y residuals, so that they can
            cancel).
        loss_weight: Weight.

    Raises:
        ValueError: ``pairs`` is unknown.
    """

    weights: Tensor

    def __init__(self, weight_x: float = 0.1, weight_y: float = 0.1, weight_s: float = 0.0001,
                 pairs: str = 'all', loss_weight: float = 1.0) -> None:
        super().__init__()
        if pairs not in ('all', 'anchor'):
            raise ValueError(f"CameraConsistencyLoss: pairs must be 'all' or 'anchor', got {pairs!r}.")
        self.pairs = pairs
        self.loss_weight = loss_weight
        weights = torch.tensor([weight_x, weight_y, weight_s], dtype=torch.float64)
        self.register_buffer('weights', weights, persistent=False)

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
        full = local_to_full(local, boxes, 1.0)
        agreed = torch.cat([full[..., :2], local[..., :1] * boxes[..., 2:]], dim=-1)
        if self.pairs == 'all':
            squared = 2 * agreed.shape[1] * (agreed - agreed.mean(1, keepdim=True)).square().sum(1)
        else:
            squared = (agreed[:, 1:] - agreed[:, :1]).square().sum(1)
        return (self.loss_weight * (squared * self.weights.to(squared)).sum(-1).mean()).to(cameras.dtype)
