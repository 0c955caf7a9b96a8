import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmroi.geometry import (
    axis_angle_to_matrix,
    geodesic_distance,
    matrix_to_axis_angle,
    mirror_matrix,
    mirror_pose,
    roll_matrix,
    rot6d_to_matrix,
)
from mmroi.structures import SMPL_PARENTS, flip_indices


def random_axis_angle(*shape):
    axis = torch.nn.functional.normalize(torch.randn(*shape, 3, dtype=torch.float64), dim=-1)
    return axis * torch.rand(*shape, 1, dtype=torch.float64) * 3.1


def forward_kinematics(pose, bones):
    """Joints of a skeleton by a plain loop; pose (24, 3) axis-angle, bones (24, 3) offsets."""
    rotations, joints = list(axis_angle_to_matrix(pose)), [bones[0]]
    for i in range(1, 24):
        parent = SMPL_PARENTS[i]
        joints.append(joints[parent] + rotations[parent] @ bones[i])
        rotations[i] = rotations[parent] @ rotations[i]
    return torch.stack(joints)


def test_axis_angle_agrees_with_scipy_and_inverts():
    torch.manual_seed(0)
    tiny = torch.tensor([0.0, 1e-9], dtype=torch.float64)[:, None, None].expand(2, 2, 3)
    vectors = torch.cat((random_axis_angle(40, 2), tiny))
    matrices = axis_angle_to_matrix(vectors)
    expected = Rotation.from_rotvec(vectors.reshape(-1, 3).numpy()).as_matrix().reshape(42, 2, 3, 3)
    np.testing.assert_allclose(matrices.numpy(), expected, atol=1e-12)
    torch.testing.assert_close(matrix_to_axis_angle(matrices), vectors, rtol=0, atol=1e-11)


def test_half_turn_round_trips_as_a_rotation():
    flips = torch.tensor([[math.pi, 0, 0], [0, math.pi, 0], [0, 0, math.pi]]).double()
    matrices = axis_angle_to_matrix(flips)
    again = axis_angle_to_matrix(matrix_to_axis_angle(matrices))
    torch.testing.assert_close(again, matrices, rtol=0, atol=1e-7)


def test_rot6d_is_the_first_two_columns():
    torch.manual_seed(1)
    matrices = axis_angle_to_matrix(random_axis_angle(30, 24))
    rot6d = matrices[..., :2].flatten(-2)
    torch.testing.assert_close(rot6d_to_matrix(rot6d), matrices, rtol=0, atol=1e-12)


def test_rot6d_of_any_numbers_is_a_rotation_with_the_first_column_kept():
    torch.manual_seed(2)
    rot6d = torch.randn(100, 6, dtype=torch.float64) * 3
    matrices = rot6d_to_matrix(rot6d)
    identity = torch.eye(3, dtype=torch.float64).expand(100, 3, 3)
    torch.testing.assert_close(matrices @ matrices.mT, identity, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(100).double())
    first = torch.nn.functional.normalize(rot6d.reshape(100, 3, 2)[..., 0], dim=-1)
    torch.testing.assert_close(matrices[..., 0], first)


def test_gradients():
    torch.manual_seed(3)
    rot6d = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    vectors = random_axis_angle(4).requires_grad_()
    assert torch.autograd.gradcheck(rot6d_to_matrix, (rot6d,))
    assert torch.autograd.gradcheck(axis_angle_to_matrix, (vectors,))
    assert torch.autograd.gradcheck(lambda x: matrix_to_axis_angle(axis_angle_to_matrix(x)), (vectors,))
    assert torch.autograd.gradcheck(roll_matrix, (torch.rand(3, dtype=torch.float64, requires_grad=True),))


@pytest.mark.parametrize('function', [rot6d_to_matrix, axis_angle_to_matrix])
def test_gradient_is_finite_at_zero(function):
    x = torch.zeros(2, 6 if function is rot6d_to_matrix else 3, requires_grad=True)
    function(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_roll_turns_x_towards_y():
    quarter = roll_matrix(math.pi / 2)
    assert quarter.dtype == torch.float64
    expected = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]).double()
    torch.testing.assert_close(quarter, expected, rtol=0, atol=1e-15)
    about_z = torch.tensor([[0, 0, 0.3], [0, 0, -0.2]])
    torch.testing.assert_close(roll_matrix(about_z[:, 2]), axis_angle_to_matrix(about_z))


def test_mirror_pose_is_an_involution_and_conjugates_each_rotation():
    torch.manual_seed(4)
    pose = random_axis_angle(5, 24)
    mirrored = mirror_pose(pose)
    assert torch.equal(mirror_pose(mirrored), pose)
    mirror, flip = mirror_matrix(), list(flip_indices('smpl'))
    expected = mirror @ axis_angle_to_matrix(pose)[:, flip] @ mirror
    torch.testing.assert_close(axis_angle_to_matrix(mirrored), expected, rtol=0, atol=1e-12)


def test_mirrored_pose_gives_the_mirrored_skeleton():
    torch.manual_seed(5)
    flip = list(flip_indices('smpl'))
    bones = torch.randn(24, 3, dtype=torch.float64)
    bones = (bones + bones[flip] * torch.tensor([-1.0, 1, 1])) / 2
    pose = random_axis_angle(24)
    expected = forward_kinematics(pose, bones)[flip] @ mirror_matrix()
    torch.testing.assert_close(forward_kinematics(mirror_pose(pose), bones), expected, rtol=0, atol=1e-12)


def test_rolled_orientation_gives_the_rolled_skeleton():
    torch.manual_seed(6)
    bones, pose, roll = torch.randn(24, 3, dtype=torch.float64), random_axis_angle(24), roll_matrix(0.7)
    bones[0] = 0  # SMPL turns about its root joint
    rolled = torch.cat((matrix_to_axis_angle(roll @ axis_angle_to_matrix(pose[:1])), pose[1:]))
    expected = forward_kinematics(pose, bones) @ roll.mT
    torch.testing.assert_close(forward_kinematics(rolled, bones), expected, rtol=0, atol=1e-12)


def test_mirror_pose_refuses_a_pose_without_global_orientation():
    with pytest.raises(ValueError, match=r'24, 3\), global orientation first, got \(2, 23, 3\)'):
        mirror_pose(torch.zeros(2, 23, 3))


def test_geodesic_distance_agrees_with_scipy():
    torch.manual_seed(7)
    first, second = random_axis_angle(50), random_axis_angle(50)
    expected = (Rotation.from_rotvec(first.numpy()).inv() * Rotation.from_rotvec(second.numpy())).magnitude()
    distance = geodesic_distance(axis_angle_to_matrix(first), axis_angle_to_matrix(second))
    np.testing.assert_allclose(distance.numpy(), expected, atol=1e-7)
    assert geodesic_distance(torch.eye(3), torch.eye(3)) == 0


def test_autocast_changes_nothing():
    torch.manual_seed(8)
    rot6d, pose = torch.randn(6, 24, 6), random_axis_angle(6, 24).float()

    def everything():
        first, second = rot6d_to_matrix(rot6d), axis_angle_to_matrix(pose)
        return first, second, matrix_to_axis_angle(first), geodesic_distance(first, second)

    plain = everything()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        cast = everything()
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))


def test_half_precision_network_output_becomes_an_accurate_rotation():
    matrices = rot6d_to_matrix(torch.randn(10, 6).bfloat16())
    assert matrices.dtype == torch.float32
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(3).expand(10, 3, 3), rtol=0, atol=1e-6)
