"""Base of the heads that refine mean parameters, and the boxes that their decoders see."""

from typing import Any

import torch
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry.boxes import encode_box
from mmroi.geometry.cameras import smooth_floor
from mmroi.models.heads.base_head import BaseHead
from mmroi.models.heads.iterative_regressor import IterativeRegressor

POSE_SIZE, SHAPE_SIZE, CAMERA_SIZE = 144, 10, 3

# A person of 2 m fills a crop of scale 1; the widest crops in use bring s to 0.3. Nothing changes above 0.2.
MIN_SCALE, SCALE_KNEE = 0.05, 0.2


class ParameterHead(BaseHead):
    """Base of the heads whose regressors start from SMPL's mean parameters.

    A new head starts from the rest pose, facing the camera. ``MeshEstimator`` then sets the body model's
    means.

    Args:
        in_channels: Width d of the features.
        num_rois: M, or None for a head that takes any number.
        positive_scale: Keep the scale s of the cameras positive (:func:`positive_scale`). False returns s as
            regressed, possibly negative: only for networks that were trained like this.
        init_cfg: MMEngine's initialization config.
    """

    def __init__(
        self,
        in_channels: int,
        num_rois: int | None,
        positive_scale: bool = True,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, num_rois, init_cfg)
        self.positive_scale = positive_scale

    def _start_from_rest(self) -> None:
        pose = torch.eye(3)[:, :2].repeat(24, 1, 1)
        pose[0, 1, 1] = -1  # half a turn about x: y up in the body's frame, down in the camera's
        self.set_mean_parameters(pose.flatten(), torch.zeros(SHAPE_SIZE), torch.tensor([0.9, 0.0, 0.0]))

    def adopt_body(self, body_model: SMPL) -> None:
        """Start from the mean parameters of the body model.

        Args:
            body_model: The body model of the estimator.

        Raises:
            ValueError: If the body model has another number of shape coefficients than the head predicts.
        """
        if body_model.num_betas != SHAPE_SIZE:
            raise ValueError(
                f'body_model: num_betas={body_model.num_betas}, but {type(self).__name__} predicts '
                f'{SHAPE_SIZE}: leave num_betas away'
            )
        self.set_mean_parameters(body_model.mean_pose6d, body_model.mean_betas, body_model.mean_camera)

    def set_mean_parameters(self, pose6d: Tensor, betas: Tensor, camera: Tensor) -> None:
        """Set the start of all regressors.

        Args:
            pose6d: (144,), rows of (24, 3, 2).
            betas: (10,).
            camera: (3,), (s, t_x, t_y).
        """
        for module in self.modules():
            if isinstance(module, IterativeRegressor):
                module.set_initial(pose6d=pose6d, betas=betas, camera=camera)

    def _cameras(self, regressed: Tensor) -> Tensor:
        return positive_scale(regressed) if self.positive_scale else regressed


def box_width(which: str, num_rois: int) -> int:
    """Last dimension of what :func:`boxes_beside` returns."""
    return dict(own=3, base=3, all=3 * num_rois, none=0)[which]


def boxes_beside(which: str, boxes: Tensor, focal_length: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the encoded boxes that a decoder sees in addition to the feature of each RoI.

    Args:
        which: ``'own'`` box, the ``'base'`` box (RoI 1), ``'all'`` boxes in order, or ``'none'``.
        boxes: (N, M, 3) float64, pixels relative to the principal point.
        focal_length: (N,) float64, pixels.
        dtype: Dtype of the result.

    Returns:
        Tensor: (N, M, k), k as :func:`box_width` gives it.
    """
    own = encode_box(boxes, focal_length).to(dtype)
    if which == 'own':
        return own
    beside = dict(base=own[:, 0], all=own.flatten(1), none=own[:, 0, :0])[which]
    return beside[:, None].expand(-1, own.shape[1], -1)


def positive_scale(cameras: Tensor) -> Tensor:
    """Keep the scale of weak-perspective cameras above 0.05; scales above 0.2 pass unchanged.

    The depth of the full camera is 2f/(b s), so scales near or below zero are no valid cameras.

    Args:
        cameras: (..., 3), (s, t_x, t_y).

    Returns:
        Tensor: (..., 3).
    """
    return torch.cat([smooth_floor(cameras[..., :1], MIN_SCALE, SCALE_KNEE), cameras[..., 1:]], dim=-1)
