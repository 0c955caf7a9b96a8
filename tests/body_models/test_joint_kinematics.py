"""Joints without the mesh: the body's own numbers, and derivatives by finite differences."""

import pytest
import roma
import torch
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.body_models.joint_kinematics import JointKinematics
from mmroi.structures import SMPL_54

STEP = 1e-6


@pytest.fixture(scope='module')
def body() -> SMPL:
    return SMPL()


@pytest.fixture(scope='module')
def people() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    vectors = 0.6 * torch.randn(3, 24, 3, generator=generator, dtype=torch.float64)
    betas = torch.randn(3, 10, generator=generator, dtype=torch.float64)
    return roma.rotvec_to_rotmat(vectors), betas


def test_joints_are_those_of_the_body(body: SMPL, people: tuple[Tensor, Tensor]) -> None:
    rotations, betas = people
    expected = body.forward_joints(rotations[:, :1], rotations[:, 1:], betas).joints
    joints = [*range(len(SMPL_54))]
    torch.testing.assert_close(
        JointKinematics(body, joints)(rotations, betas), expected.double(), atol=2e-6, rtol=0
    )
    some = [40, 3, 24]
    found = JointKinematics(body, some).with_jacobian(rotations, betas)[0]
    torch.testing.assert_close(found, expected[:, some].double(), atol=2e-6, rtol=0)


def test_jacobian_by_pose_is_that_of_finite_differences(body: SMPL, people: tuple[Tensor, Tensor]) -> None:
    rotations, betas = people
    kinematics = JointKinematics(body, [*range(len(SMPL_54))])
    _, by_pose, _ = kinematics.with_jacobian(rotations, betas)
    for joint in range(24):
        for axis in range(3):
            step = torch.zeros(3, 24, 3, dtype=torch.float64)
            step[:, joint, axis] = STEP
            ends = [kinematics(rotations @ roma.rotvec_to_rotmat(s), betas) for s in (step, -step)]
            numeric = (ends[0] - ends[1]) / (2 * STEP)
            torch.testing.assert_close(by_pose[..., joint, axis], numeric, atol=1e-8, rtol=0)


def test_jacobian_by_shape_is_exact(body: SMPL, people: tuple[Tensor, Tensor]) -> None:
    """Joints are linear in the shape, so a difference has no error."""
    rotations, betas = people
    kinematics = JointKinematics(body, [*range(len(SMPL_54))])
    joints, _, by_shape = kinematics.with_jacobian(rotations, betas)
    step = torch.linspace(-1, 1, 10, dtype=torch.float64).expand(3, -1)
    torch.testing.assert_close(kinematics(rotations, betas + step), joints + by_shape @ step[0])


def test_a_turn_of_the_root_moves_every_joint_about_it(body: SMPL) -> None:
    kinematics = JointKinematics(body, [0, 20])
    rest = torch.eye(3, dtype=torch.float64).repeat(1, 24, 1, 1)
    joints, by_pose, _ = kinematics.with_jacobian(rest, torch.zeros(1, 10, dtype=torch.float64))
    lever = joints[0, 1] - joints[0, 0]
    about_z = torch.stack((-lever[1], lever[0], torch.zeros_like(lever[0])))
    torch.testing.assert_close(by_pose[0, 1, :, 0, 2], about_z)
    torch.testing.assert_close(by_pose[0, 0, :, 0], torch.zeros(3, 3, dtype=torch.float64))
