"""Fusion without weights."""
from mmengine.model import BaseModule
from torch import Tensor

from mmroi.models.numerics import without_autocast
from mmroi.registry import MODELS


@MODELS.register_module()
class MeanFusion(BaseModule):
    """The same mean of all RoIs' features for each RoI: RoIAwareFusion with its weights taken away.

    What remains of the fusion in the rows of the paper's Table 2 without RAF. It has no parameters. All u_m
    are the same vector, so that only a camera decoder that sees its own box can tell the RoIs apart.

    Args:
        in_channels: Width d of the features.
        init_cfg: MMEngine's initialisation config.

    Attributes:
        num_rois: None: any number of RoIs.
    """

    num_rois = None

    def __init__(self, in_channels: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels

    @without_autocast
    def forward(self, h: Tensor, boxes: Tensor, focal_length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fuse.

        Args:
            h: Features (N, M, d).
            boxes: Unused.
            focal_length: Unused.

        Returns:
            tuple: u (N, M, d), its mean u_bar (N, d) and the weights (N, M, M), all 1/M.
        """
        num_persons, num_rois, _ = h.shape
        mean = h.mean(1)
        weights = h.new_full((num_persons, num_rois, num_rois), 1 / num_rois)
        return mean[:, None].expand_as(h), mean, weights
