"""Rotation vectors and their derivatives."""

import roma
import torch

from mmroi.models.refiners.tangent import log_with_jacobian, skew


def test_skew_is_the_cross_product() -> None:
    a, b = torch.tensor([1.0, 2, 3]), torch.tensor([-2.0, 5, 4])
    torch.testing.assert_close(skew(a) @ b, torch.linalg.cross(a, b))


def test_jacobian_is_that_of_finite_differences_up_to_half_a_turn() -> None:
    axis = torch.tensor([2.0, -1, 2], dtype=torch.float64) / 3
    angles = torch.tensor([0.0, 1e-5, 1e-3, 0.5, 2.0, 3.1], dtype=torch.float64)
    rotations = roma.rotvec_to_rotmat(angles[:, None] * axis)
    vectors, jacobian = log_with_jacobian(rotations)
    torch.testing.assert_close(vectors, angles[:, None] * axis, atol=1e-9, rtol=0)
    step = 1e-6
    for i in range(3):
        turn = torch.zeros(3, dtype=torch.float64)
        turn[i] = step
        ends = [roma.rotmat_to_rotvec(rotations @ roma.rotvec_to_rotmat(s)) for s in (turn, -turn)]
        torch.testing.assert_close(jacobian[..., i], (ends[0] - ends[1]) / (2 * step), atol=1e-6, rtol=1e-6)


def test_half_a_turn_is_finite() -> None:
    vectors, jacobian = log_with_jacobian(torch.diag(torch.tensor([1.0, -1, -1], dtype=torch.float64)))
    assert jacobian.isfinite().all()
    torch.testing.assert_close(vectors.norm(), torch.tensor(torch.pi, dtype=torch.float64))
