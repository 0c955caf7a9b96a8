"""The head of Multi-RoI: one mesh, M cameras."""

from typing import Any

import torch
from torch import Tensor

from mmroi.geometry.cameras import full_to_local, local_to_full
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

OPTIONS = dict(
    camera_boxes=('own', 'all', 'none'),
    mesh_boxes=('all', 'base', 'none'),
    camera_frame=('base', 'own'),
)


@MODELS.register_module()
class MultiRoIHead(ParameterHead):
    """C_m = D_cam(u_m, boxes) for each RoI, (pose, shape) = D_mesh(u_bar, boxes) once (paper Eq. 5 and 6).

    The paper's equations have no boxes. CLIFF's head sees its box, and without boxes a camera decoder could
    not distinguish RoIs whose u_m are equal. Computed in float32 under autocast.

    Args:
        in_channels: Width d of the features.
        num_rois: M. Ignored without ``'all'`` boxes: the head then takes any number of RoIs.
        camera_boxes: What D_cam sees besides u_m: the RoI's ``'own'`` box, ``'all'`` boxes (the authors'
            code) or ``'none'`` (the paper as printed).
        mesh_boxes: What D_mesh sees besides u_bar: ``'all'`` boxes, the ``'base'`` box or ``'none'``.
        camera_frame: The camera that D_cam regresses: in the frame of the ``'base'`` box, then converted to
            the RoI's own box, or in the frame of the ``'own'`` box (the paper's equation 5). In the base
            box's frame all cameras agree at the start, and a correction is the same three numbers for all
            RoIs. In their own frames they disagree at the start, and a correction depends on the sizes and
            centers of the boxes, which the network has to learn first.
        hidden_channels: Widths of the two fully connected layers of each decoder.
        dropout: Probability.
        num_iters: Number of refinement steps.
        activation: See :class:`IterativeRegressor`.
        positive_scale: Keep the scale of the cameras positive.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: An option is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        num_rois: int = 5,
        camera_boxes: str = 'own',
        mesh_boxes: str = 'all',
        camera_frame: str = 'base',
        hidden_channels: tuple[int, int] = (1024, 1024),
        dropout: float = 0.5,
        num_iters: int = 3,
        activation: dict[str, Any] | None = None,
        positive_scale: bool = True,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        sees_all = 'all' in (camera_boxes, mesh_boxes)
        super().__init__(in_channels, num_rois if sees_all else None, positive_scale, init_cfg)
        chosen = dict(camera_boxes=camera_boxes, mesh_boxes=mesh_boxes, camera_frame=camera_frame)
        for name, choice in chosen.items():
            if choice not in OPTIONS[name]:
                raise ValueError(f'MultiRoIHead: {name} must be one of {OPTIONS[name]}, got {choice!r}.')
        self.camera_boxes = camera_boxes
        self.mesh_boxes = mesh_boxes
        self.camera_frame = camera_frame
        self.camera_decoder = IterativeRegressor(
            in_channels + box_width(camera_boxes, num_rois),
            dict(camera=CAMERA_SIZE),
            hidden_channels,
            dropout,
            num_iters,
            activation=activation,
        )
        self.mesh_decoder = IterativeRegressor(
            in_channels + box_width(mesh_boxes, num_rois),
            dict(pose6d=POSE_SIZE, betas=SHAPE_SIZE),
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
            u: Fused features of the RoIs (N, M, d).
            u_bar: Their mean (N, d).
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            dict: ``cameras`` (N, M, 3), ``pose6d`` (N, 24, 6), ``betas`` (N, 10).

        Raises:
            ValueError: The number of RoIs is not the one that a decoder was built for.
        """
        self._check_rois(u.shape[1])
        beside_camera = boxes_beside(self.camera_boxes, boxes, focal_length, u.dtype)
        beside_mesh = boxes_beside(self.mesh_boxes, boxes, focal_length, u.dtype)
        cameras = self._cameras(self.camera_decoder(torch.cat([u, beside_camera], dim=-1))['camera'])
        if self.camera_frame == 'base':
            # The focal length cancels.
            cameras = full_to_local(local_to_full(cameras, boxes[:, :1], 1.0), boxes, 1.0).to(u.dtype)
        mesh = self._decode_mesh(u, u_bar, beside_mesh)
        return dict(pose6d=mesh['pose6d'].unflatten(-1, (24, 6)), betas=mesh['betas'], cameras=cameras)

    def _decode_mesh(self, u: Tensor, u_bar: Tensor, beside: Tensor) -> dict[str, Tensor]:
        """One mesh from u_bar; ``beside`` (N, M, k), equal for all RoIs, is concatenated to the feature."""
        return self.mesh_decoder(torch.cat([u_bar, beside[:, 0]], dim=-1))
