"""The contract of heads: fused features in, body parameters and cameras out."""

from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry.rotations import rot6d_to_matrix


class BaseHead(BaseModule):
    """Base of the heads. A subclass implements :meth:`forward`.

    Args:
        in_channels: Width d of the features; with ``needs_maps`` channels of the encoder's last map. The
            estimator fills it in where a config leaves it out.
        num_rois: M, or None for a head that takes any number of RoIs.
        init_cfg: MMEngine's initialization config.

    Attributes:
        needs_maps: Whether ``forward`` takes the encoder's feature maps as ``maps``.
        pools_maps: Whether it takes only the mean of the last map, for which a feature cache suffices.
        outputs: Names of what ``forward`` returns. Losses may ask for each of them.
    """

    needs_maps = False
    pools_maps = False
    outputs: tuple[str, ...] = ('pose6d', 'betas', 'cameras')

    def __init__(
        self, in_channels: int, num_rois: int | None = None, init_cfg: dict[str, Any] | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.num_rois = num_rois

    def adopt_body(self, body_model: SMPL) -> None:
        """Take over what the head needs of the body model, such as its mean parameters; by default nothing.

        Args:
            body_model: The body model of the estimator, which calls this once.
        """

    def forward(self, u: Tensor, u_bar: Tensor, boxes: Tensor, focal_length: Tensor) -> dict[str, Tensor]:
        """Regress body parameters and cameras.

        Args:
            u: Fused features of the RoIs (N, M, d).
            u_bar: Their mean (N, d).
            boxes: (N, M, 3) float64: center relative to the principal point and height, pixels.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: ``pose6d`` (N, 24, 6), or ``rotations`` (N, 24, 3, 3) instead; ``betas`` (N, 10);
                ``cameras`` (N, M, 3), the weak-perspective cameras (s, t_x, t_y) of the boxes; and any
                further tensors. A head that predicts a mesh for each RoI returns (N, M, 24, 6) and
                (N, M, 10); the mesh and the camera of RoI 1 are then the prediction.
        """
        raise NotImplementedError

    def _check_rois(self, num_rois: int) -> None:
        if self.num_rois not in (None, num_rois):
            raise ValueError(
                f'{type(self).__name__} was built for {self.num_rois} RoIs and got {num_rois}; '
                'give MultiRoICrop and the model the same num_rois, or read the config with '
                'mmroi.engine.pipelines.load_config, which sets both.'
            )


def rotations_of(output: Mapping[str, Tensor]) -> Tensor:
    """Rotation matrices (..., 24, 3, 3) of what a head returns."""
    return output['rotations'] if 'rotations' in output else rot6d_to_matrix(output['pose6d'])
