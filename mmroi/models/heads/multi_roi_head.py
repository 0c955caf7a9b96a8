"""Head of Multi-RoI: one mesh, M cameras."""
import torch
from torch import Tensor

from mmroi.geometry.boxes import encode_box
from mmroi.geometry.cameras import full_to_local, local_to_full
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

CAMERA_BOXES = ('own', 'all', 'none')
MESH_BOXES = ('all', 'base', 'none')
CAMERA_STARTS = ('mean', 'base')


@MODELS.register_module()
class MultiRoIHead(ParameterHead):
    """C_m = D_cam(u_m, boxes) for each RoI, (pose, shape) = D_mesh(u_bar, boxes) once (paper Eq. 5 and 6).

    The paper's equations name no boxes; CLIFF's head sees its box, and without one a camera decoder whose u_m
    is the same for all m could not tell the RoIs apart. Computed in float32 under autocast.

    Args:
        in_channels: Width d of the features.
        num_rois: M.
        camera_boxes: What D_cam sees beside u_m: its ``'own'`` box, ``'all'`` boxes (the authors' code) or
            ``'none'`` (the paper's letter).
        mesh_boxes: What D_mesh sees beside u_bar: ``'all'`` boxes, the ``'base'`` box or ``'none'``.
        camera_start: Where D_cam's refinement starts: ``'mean'``: the mean camera in every RoI (the paper).
            ``'base'``: the mean camera of the base box, turned into each RoI's, so that all cameras agree
            from the first step; from scratch this spares the encoder the large first gradients of the
            consistency loss, which counts squared pixels.
        hidden_channels: Widths of the two fully connected layers of each decoder.
        dropout: Probability.
        num_iters: Number of refinement steps.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: An option is unknown.
    """

    def __init__(self, in_channels: int, num_rois: int = 5, camera_boxes: str = 'own',
                 mesh_boxes: str = 'all', camera_start: str = 'mean',
                 hidden_channels: tuple[int, int] = (1024, 1024), dropout: float = 0.5, num_iters: int = 3,
                 init_cfg: dict | None = None) -> None:
        super().__init__(in_channels, num_rois, init_cfg)
        if camera_boxes not in CAMERA_BOXES or mesh_boxes not in MESH_BOXES:
            raise ValueError(f'MultiRoIHead: camera_boxes must be one of {CAMERA_BOXES} and mesh_boxes one '
                             f'of {MESH_BOXES}, got {camera_boxes!r} and {mesh_boxes!r}.')
        if camera_start not in CAMERA_STARTS:
            raise ValueError(
                f'MultiRoIHead: camera_start must be one of {CAMERA_STARTS}, got {camera_start!r}.')
        self.camera_boxes = camera_boxes
        self.mesh_boxes = mesh_boxes
        self.camera_start = camera_start
        width = dict(own=3, base=3, all=3 * num_rois, none=0)
        self.camera_decoder = IterativeRegressor(
            in_channels + width[camera_boxes], dict(camera=CAMERA_SIZE),
            hidden_channels, dropout, num_iters)
        self.mesh_decoder = IterativeRegressor(
            in_channels + width[mesh_boxes], dict(pose6d=POSE_SIZE, betas=SHAPE_SIZE),
            hidden_channels, dropout, num_iters)
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
            dict: ``pose6d`` (N, 24, 6), ``betas`` (N, 10), ``cameras`` (N, M, 3) with positive scale.

        Raises:
            ValueError: The number of RoIs is not the one that a decoder was built for.
        """
        num_rois = u.shape[1]
        if 'all' in (self.camera_boxes, self.mesh_boxes):
            self._check_rois(num_rois)
        own = encode_box(boxes, focal_length).to(u.dtype)
        every = own.flatten(1)
        beside_camera = dict(
            own=own, all=every[:, None].expand(-1, num_rois, -1), none=own[..., :0])[self.camera_boxes]
        beside_mesh = dict(all=every, base=own[:, 0], none=own[:, 0, :0])[self.mesh_boxes]
        start = None if self.camera_start == 'mean' else self._seen_from_base(boxes).to(u.dtype)
        cameras = self.camera_decoder(torch.cat([u, beside_camera], dim=-1), start)['camera']
        mesh = self.mesh_decoder(torch.cat([u_bar, beside_mesh], dim=-1))
        return dict(pose6d=mesh['pose6d'].unflatten(-1, (24, 6)), betas=mesh['betas'],
                    cameras=positive_scale(cameras))

    def _seen_from_base(self, boxes: Tensor) -> Tensor:
        """Local cameras (N, M, 3) of the one full camera that the mean camera of the base box stands for."""
        mean = self.camera_decoder.initial.to(boxes.dtype).expand(len(boxes), 1, -1)
        # The focal length cancels.
        return full_to_local(local_to_full(mean, boxes[:, :1], 1.0), boxes, 1.0)
