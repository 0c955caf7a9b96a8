"""Deviations of joints against bodies that are drawn from the same distribution."""

import torch

from mmroi.body_models import SMPL
from mmroi.models.refiners import BodyState
from mmroi.models.refiners.joint_deviations import JointDeviations
from mmroi.structures import SMPL_54


def test_they_are_those_of_drawn_bodies(crowd) -> None:  # noqa: ANN001
    state = BodyState.start(crowd.rotations, crowd.betas, crowd.translation)[:1]
    generator = torch.Generator().manual_seed(0)
    factor = torch.eye(85, dtype=torch.float64) + 0.1 * torch.randn(85, 85, generator=generator).double()
    information = (factor @ factor.T)[None] * 1e3
    found = JointDeviations(crowd.body)(state, information)[0]
    covariance = torch.linalg.inv(information[0])
    count = 4000
    steps = torch.randn(count, 85, generator=generator).double() @ torch.linalg.cholesky(covariance).T
    bodies = state[[0] * count].step(steps)
    joints = (
        SMPL().double().forward_joints(bodies.rotations[:, :1], bodies.rotations[:, 1:], bodies.betas).joints
    )
    relative = joints[:, :24] - joints[:, SMPL_54.index('pelvis_extra'), None]
    torch.testing.assert_close(found, relative.var(0).mean(-1).sqrt(), rtol=0.1, atol=1e-4)


def test_what_is_not_known_of_the_camera_does_not_matter(crowd) -> None:  # noqa: ANN001
    state = BodyState.start(crowd.rotations, crowd.betas, crowd.translation)
    information = 100 * torch.eye(85, dtype=torch.float64).repeat(6, 1, 1)
    known = JointDeviations(crowd.body)(state, information)
    information[:, -3:] = 0
    torch.testing.assert_close(JointDeviations(crowd.body)(state, information), known)
    information[0, 3, 3] = torch.nan
    assert JointDeviations(crowd.body)(state, information).isnan().all(1).tolist() == [True] + [False] * 5
