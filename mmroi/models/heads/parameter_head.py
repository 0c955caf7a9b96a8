"""What the heads that regress body parameters and cameras have in common."""
import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmroi.models.heads.iterative_regressor import IterativeRegressor
from mmroi.models.numerics import smooth_floor

POSE_SIZE, SHAPE_SIZE, CAMERA_SIZE = 144, 10, 3

# A person of 2 m fills a crop of scale 1; the widest crops in use bring s to 0.3. Nothing changes above 0.2.
MIN_SCALE, SCALE_KNEE = 0.05, 0.2


class ParameterHead(BaseModule):
    """Base of the heads whose regressors start from SMPL's mean parameters.

    Alone, a head starts from the rest pose turned towards the camera; ``MeshEstimator`` gives it the body
    model's means.

    Args:
        in_channels: Width d of the features.
        num_rois: M.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(self, in_channels: int, num_rois: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.num_rois = num_rois

    def _start_from_rest(self) -> None:
        pose = torch.eye(3)[:, :2].repeat(24, 1, 1)
        pose[0, 1, 1] = -1  # half a turn about x: y up in the body's frame, down in the camera's
        self.set_mean_parameters(pose.flatten(), torch.zeros(SHAPE_SIZE), torch.tensor([0.9, 0.0, 0.0]))

    def set_mean_parameters(self, pose6d: Tensor, betas: Tensor, camera: Tensor) -> None:
        """Set where all regressors start.

        Args:
            pose6d: (144,), rows of (24, 3, 2).
            betas: (10,).
            camera: (3,), (s, t_x, t_y).
        """
        for module in self.modules():
            if isinstance(module, IterativeRegressor):
                module.set_initial(pose6d=pose6d, betas=betas, camera=camera)

    def _check_rois(self, num_rois: int) -> None:
        if num_rois != self.num_rois:
            raise ValueError(f'{type(self).__name__} was built for {self.num_rois} RoIs and got {num_rois}; '
                             'give MultiRoICrop and the model the same num_rois.')


def positive_scale(cameras: Tensor) -> Tensor:
    """Keeps the scale of weak-perspective cameras above 0.05; scales above 0.2 pass unchanged.

    The depth of the full camera is 2f/(b s), so a scale near or below zero has no camera.

    Args:
        cameras: (..., 3), (s, t_x, t_y).

    Returns:
        Tensor: (..., 3).
    """
    return torch.cat([smooth_floor(cameras[..., :1], MIN_SCALE, SCALE_KNEE), cameras[..., 1:]], dim=-1)
