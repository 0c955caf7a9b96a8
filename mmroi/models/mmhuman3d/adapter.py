"""Base of the adapters of MMHuman3D's heads."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry.precision import without_autocast
from mmroi.models.heads.parameter_head import positive_scale


class HeadAdapter:
    """Gives a head of MMHuman3D the interface of ``BaseHead``; inherit from this class before that head.

    One RoI. The head pools the encoder's maps itself, so its numbers equal MMHuman3D's to the last bit.
    Names of tensors are MMHuman3D's.

    Attributes:
        num_rois: 1.
        needs_maps: True.
        pools_maps: Whether the head takes only the mean of the last map.
        outputs: Names of what ``forward`` returns.
        in_channels: Channels of the encoder's last map.
        positive_scale: Keep the scale of the cameras positive, as ``ParameterHead`` does by default; False
            returns it as regressed.
    """

    num_rois = 1
    needs_maps = True
    pools_maps = False
    outputs: tuple[str, ...] = ('rotations', 'betas', 'cameras')
    in_channels: int
    positive_scale: bool
    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor

    def adopt_body(self, body_model: SMPL) -> None:
        """Start from the mean parameters of the body model.

        Args:
            body_model: The body model of the estimator.
        """
        with torch.no_grad():
            self.init_pose.copy_(body_model.mean_pose6d[None])
            self.init_shape.copy_(body_model.mean_betas[None])
            self.init_cam.copy_(body_model.mean_camera[None])

    @without_autocast
    def forward(
        self, u: Tensor, u_bar: Tensor, boxes: Tensor, focal_length: Tensor, maps: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """Regress from the last map alone (HMR and PARE).

        Args:
            u: Unused.
            u_bar: Unused.
            boxes: (N, 1, 3) float64, pixels relative to the principal point; unused but for their number.
            focal_length: Unused.
            maps: The encoder's maps (N, C, h, w); the last is used.

        Returns:
            dict: ``rotations`` (N, 24, 3, 3), ``betas`` (N, 10), ``cameras`` (N, 1, 3).

        Raises:
            ValueError: There is more than one RoI.
        """
        return self.as_ours(super().forward(self.last_map(maps, boxes)))  # type: ignore[misc]

    def last_map(self, maps: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """Select the map that the head takes.

        Args:
            maps: The encoder's maps (N·M, C, h, w).
            boxes: (N, M, 3).

        Returns:
            Tensor: The last map, float32.

        Raises:
            ValueError: M is not 1.
        """
        if boxes.shape[1] != 1:
            raise ValueError(
                f'{type(self).__name__} of MMHuman3D takes one RoI and got {boxes.shape[1]}; '
                'set num_rois=1 in MultiRoICrop.'
            )
        return maps[-1].float()

    def as_ours(self, theirs: dict[str, Tensor], box_scale: float = 1.0) -> dict[str, Tensor]:
        """Convert the outputs of MMHuman3D's heads to those of ``BaseHead``.

        Args:
            theirs: ``pred_pose`` (N, 24, 3, 3), ``pred_shape`` (N, 10), ``pred_cam`` (N, 3).
            box_scale: Size of the box that the camera's scale refers to, divided by the height of the crop.

        Returns:
            dict: ``rotations`` (N, 24, 3, 3), ``betas`` (N, 10), ``cameras`` (N, 1, 3).
        """
        cameras = theirs['pred_cam'] * theirs['pred_cam'].new_tensor([box_scale, 1.0, 1.0])
        if self.positive_scale:
            cameras = positive_scale(cameras)
        return dict(rotations=theirs['pred_pose'], betas=theirs['pred_shape'], cameras=cameras[:, None])


def mean_parameters_file() -> io.BytesIO:
    """Make a file of zeros for heads that read mean parameters from a file; they are set afterwards."""
    file = io.BytesIO()
    zeros = np.zeros(144, np.float32)
    np.savez(file, pose=zeros, shape=zeros[:10], cam=zeros[:3])
    file.seek(0)
    return file
