"""Head of CLIFF, and of HMR without the box."""
import torch
from torch import Tensor

from mmroi.geometry.boxes import encode_box
from mmroi.models.heads.iterative_regressor import IterativeRegressor
from mmroi.models.heads.parameter_head import (
    CAMERA_SIZE,
    POSE_SIZE,
    SHAPE_SIZE,
    ParameterHead,
    positive_scale,
)
from mmroi.models.numerics import without_autocast
from mmroi.registry import MODELS


@MODELS.register_module()
class CLIFFHead(ParameterHead):
    """Regresses pose, shape and camera together from one RoI and its box (CLIFF, Li et al., ECCV 2022).

    Input order: feature, box (3), pose (144), shape (10), camera (3). Computed in float32 under autocast.

    Args:
        in_channels: Width d of the feature.
        boxes: ``'own'``: CLIFF. ``'none'``: HMR.
        hidden_channels: Widths of the two fully connected layers.
        dropout: Probability.
        num_iters: Number of refinement steps.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: ``boxes`` is unknown.
    """

    def __init__(self, in_channels: int, boxes: str = 'own', hidden_channels: tuple[int, int] = (1024, 1024),
                 dropout: float = 0.5, num_iters: int = 3, init_cfg: dict | None = None) -> None:
        super().__init__(in_channels, num_rois=1, init_cfg=init_cfg)
        if boxes not in ('own', 'none'):
            raise ValueError(f"CLIFFHead: boxes must be 'own' or 'none', got {boxes!r}.")
        self.boxes = boxes
        self.regressor = IterativeRegressor(
            in_channels + (3 if boxes == 'own' else 0),
            dict(pose6d=POSE_SIZE, betas=SHAPE_SIZE, camera=CAMERA_SIZE), hidden_channels, dropout, num_iters)
        self._start_from_rest()

    @without_autocast
    def forward(self, u: Tensor, u_bar: Tensor, boxes: Tensor, focal_length: Tensor) -> dict[str, Tensor]:
        """Regress.

        Args:
            u: Features (N, 1, d).
            u_bar: Unused: with one RoI it is the same feature.
            boxes: (N, 1, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: ``pose6d`` (N, 24, 6), ``betas`` (N, 10), ``cameras`` (N, 1, 3) with positive scale.

        Raises:
            ValueError: There is more than one RoI.
        """
        self._check_rois(u.shape[1])
        feature = u[:, 0]
        if self.boxes == 'own':
            feature = torch.cat([feature, encode_box(boxes[:, 0], focal_length).to(u.dtype)], dim=-1)
        state = self.regressor(feature)
        return dict(pose6d=state['pose6d'].unflatten(-1, (24, 6)), betas=state['betas'],
                    cameras=positive_scale(state['camera'])[:, None])
