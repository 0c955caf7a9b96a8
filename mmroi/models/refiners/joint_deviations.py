"""How sure the joints of a refined body are."""

import torch
from torch import Tensor, nn

from mmroi.body_models import SMPL
from mmroi.body_models.joint_kinematics import JointKinematics
from mmroi.models.refiners.body_state import CAMERA, LEAST, NUM_JOINTS, BodyState
from mmroi.structures import SMPL_54

_ROOT = SMPL_54.index('pelvis_extra')


class JointDeviations(nn.Module):
    """Standard deviations of joints, from the information about pose and shape, to first order.

    Args:
        body: The body model.
    """

    def __init__(self, body: SMPL) -> None:
        super().__init__()
        self.kinematics = JointKinematics(body, [*range(NUM_JOINTS), _ROOT])

    def forward(self, state: BodyState, information: Tensor) -> Tensor:
        """Compute the deviations.

        Args:
            state: N bodies.
            information: (N, D, D) inverse covariance of a step from them.

        Returns:
            (N, 24) standard deviation of each coordinate of SMPL's joints relative to Human3.6M's pelvis,
            meters: the root of the mean over x, y and z; NaN where the information is not positive definite.
        """
        _, by_pose, by_shape = self.kinematics.with_jacobian(state.rotations, state.betas)
        jacobian = torch.cat((by_pose.flatten(3), by_shape), dim=-1)
        jacobian = (jacobian[:, :-1] - jacobian[:, -1:]).flatten(1, 2)
        identity = torch.eye(information.shape[1]).to(information)
        # Nothing is known of the camera without keypoints and with ``roi_weight=0``.
        factor, failed = torch.linalg.cholesky_ex(information + LEAST * identity)
        factor = factor.where(failed[:, None, None] == 0, identity)
        # The covariance of pose and shape, whatever the camera is.
        covariance = torch.cholesky_inverse(factor)[:, : CAMERA.start, : CAMERA.start]
        variance = ((jacobian @ covariance) * jacobian).sum(-1).unflatten(1, (NUM_JOINTS, 3)).mean(-1)
        return variance.clamp(min=0).sqrt().where(failed[:, None] == 0, torch.nan)
