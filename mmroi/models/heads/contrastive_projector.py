"""Projection head of the contrastive loss."""

from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.registry import MODELS


@MODELS.register_module()
class ContrastiveProjector(BaseModule):
    """z = g(h) on the unit sphere (paper section 3.3).

    x = h·sigmoid(relu(h)), then Linear, BatchNorm, ReLU, Linear without bias, BatchNorm, all of width d, then
    L2 normalization. Only used in training. Computed in float32 under autocast.

    Args:
        in_channels: Width d.
        init_cfg: MMEngine's initialization config.
    """

    def __init__(self, in_channels: int, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.layers = nn.Sequential(
            nn.Linear(in_channels, in_channels),
            nn.BatchNorm1d(in_channels),
            nn.ReLU(),
            nn.Linear(in_channels, in_channels, bias=False),
            nn.BatchNorm1d(in_channels),
        )

    @without_autocast
    def forward(self, h: Tensor) -> Tensor:
        """Project.

        Args:
            h: Features (N, M, d).

        Returns:
            Tensor: z (N, M, d) of unit length.
        """
        gated = h * h.relu().sigmoid()
        z = self.layers(gated.flatten(0, 1)).unflatten(0, h.shape[:2])
        return F.normalize(z, dim=-1)
