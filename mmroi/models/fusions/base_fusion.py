"""The contract of fusions: the RoIs' features in, mixtures of them out."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor


class BaseFusion(BaseModule):
    """Base of the fusions, which mix the features of a person's RoIs. A subclass implements :meth:`forward`.

    Args:
        in_channels: Width d of the features. The estimator fills it in where a config leaves it out.
        num_rois: M, or None for a fusion that takes any number of RoIs.
        init_cfg: MMEngine's initialization config.
    """

    def __init__(
        self, in_channels: int, num_rois: int | None = None, init_cfg: dict[str, Any] | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.num_rois = num_rois

    def forward(self, h: Tensor, boxes: Tensor, focal_length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fuse.

        Args:
            h: Features (N, M, d).
            boxes: (N, M, 3) float64: center relative to the principal point and height, pixels.
            focal_length: (N,) float64, pixels.

        Returns:
            tuple: u (N, M, d), its mean u_bar (N, d), and the weights (N, M, M), of which row m says how u_m
                mixes the features.
        """
        raise NotImplementedError
