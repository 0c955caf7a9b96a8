"""The head of CLIFF, of HMR (without boxes), and of the network that Multi-RoI's authors released."""

from typing import Any

import torch
from torch import Tensor

from mmroi.geometry.precision import without_autocast
from mmroi.models.heads.iterative_regressor import IterativeRegressor
from mmroi.models.heads.parameter_head import (
    CAMERA_SIZE,
    POSE_SIZE,
    SHAPE_SIZE,
    ParameterHead,
    box_width,
    boxes_beside,
)
from mmroi.registry import MODELS

BOXES = ('own', 'all', 'none')


@MODELS.register_module()
class CLIFFHead(ParameterHead):
    """Regresses pose, shape and camera together from a RoI's feature (CLIFF, Li et al., ECCV 2022).

    With several RoIs, the same weights regress a mesh and a camera for each of them. One RoI with its
    ``'own'`` box is CLIFF, with ``'none'`` HMR and SPIN. The network that the authors of Multi-RoI released
    is five RoIs with ``'all'`` boxes and ``hidden_channels=(2048, 1024)`` behind the fusion.

    Input order: feature, boxes, pose (144), shape (10), camera (3). Computed in float32 under autocast.

    Args:
        in_channels: Width d of the features.
        num_rois: M; None for any number, unless the head sees ``'all'`` boxes.
        boxes: What is concatenated to the feature of a RoI: its ``'own'`` box, ``'all'`` boxes in order, or
            ``'none'``.
        hidden_channels: Widths of the two fully connected layers.
        dropout: Probability.
        num_iters: Number of refinement steps.
        activation: See :class:`IterativeRegressor`.
        positive_scale: Keep the scale of the cameras positive; False for published networks.
        box_scale: Box size that the network was trained with, divided by the height of the crop: 0.75 for
            MMHuman3D's CLIFF, whose boxes and cameras refer to the width of 256x192 crops.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: ``boxes`` is unknown, or needs a number of RoIs that is not given.
    """

    def __init__(
        self,
        in_channels: int,
        num_rois: int | None = 1,
        boxes: str = 'own',
        hidden_channels: tuple[int, int] = (1024, 1024),
        dropout: float = 0.5,
        num_iters: int = 3,
        activation: dict[str, Any] | None = None,
        positive_scale: bool = True,
        box_scale: float = 1.0,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, num_rois, positive_scale, init_cfg)
        if boxes not in BOXES:
            raise ValueError(f'CLIFFHead: boxes must be one of {BOXES}, got {boxes!r}.')
        if num_rois is None and boxes == 'all':
            raise ValueError("CLIFFHead: boxes='all' needs the number of RoIs, num_rois.")
        if box_scale <= 0:
            raise ValueError(f'CLIFFHead: box_scale must be positive, got {box_scale}.')
        self.boxes = boxes
        self.box_scale = box_scale
        self.regressor = IterativeRegressor(
            in_channels + box_width(boxes, num_rois or 1),
            dict(pose6d=POSE_SIZE, betas=SHAPE_SIZE, camera=CAMERA_SIZE),
            hidden_channels,
            dropout,
            num_iters,
            activation=activation,
        )
        self._start_from_rest()

    @without_autocast
    def forward(self, u: Tensor, u_bar: Tensor, boxes: Tensor, focal_length: Tensor) -> dict[str, Tensor]:
        """Regress.

        Args:
            u: Features (N, M, d).
            u_bar: Unused: each RoI is regressed from its own feature.
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: ``cameras`` (N, M, 3); with one RoI ``pose6d`` (N, 24, 6) and ``betas`` (N, 10); with
                several a mesh for each, ``pose6d`` (N, M, 24, 6) and ``betas`` (N, M, 10).

        Raises:
            ValueError: The number of RoIs is not the one that the head was built for.
        """
        self._check_rois(u.shape[1])
        # The full camera depends only on the product of box size and camera scale.
        scaled = torch.cat([boxes[..., :2], boxes[..., 2:] * self.box_scale], dim=-1)
        beside = boxes_beside(self.boxes, scaled, focal_length, u.dtype)
        state = self.regressor(torch.cat([u, beside], dim=-1))
        camera = state['camera']
        cameras = torch.cat([camera[..., :1] * self.box_scale, camera[..., 1:]], dim=-1)
        pose6d, betas = state['pose6d'].unflatten(-1, (24, 6)), state['betas']
        if u.shape[1] == 1:
            pose6d, betas = pose6d[:, 0], betas[:, 0]
        return dict(pose6d=pose6d, betas=betas, cameras=self._cameras(cameras))
