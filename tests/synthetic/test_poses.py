"""Poses: within limits, balanced, free of collisions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.joint_angles import LIMITS
from mmroi.synthetic.pose_styles import LEGS
from mmroi.synthetic.poses import PoseSampler, joint_positions, limbs_collide


@pytest.fixture(scope='module')
def body():
    return StudioBody()


def sampler(body, **styles):
    return PoseSampler(body.rest_joints, body.parents, styles or {name: 1.0 for name in LEGS}, 1.0)


def test_poses_are_rotations_within_limits(body):
    rng, poses = np.random.default_rng(0), sampler(body)
    for _ in range(60):
        pose = poses.sample(rng)
        identity = np.tile(np.eye(3), (24, 1, 1))
        np.testing.assert_allclose(pose.rotations @ pose.rotations.transpose(0, 2, 1), identity, atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(pose.rotations), 1, atol=1e-9)
        assert set(pose.angles) == set(LIMITS)
        for name, (low, high) in LIMITS.items():
            assert low <= pose.angles[name] <= high, name


def test_knees_and_elbows_bend_only_forward(body):
    rng, poses = np.random.default_rng(1), sampler(body)
    for _ in range(40):
        rotations = poses.sample(rng).rotations
        for knee in (4, 5):
            x, y, z = Rotation.from_matrix(rotations[knee]).as_rotvec()
            assert -1e-9 <= x <= np.radians(146) and abs(y) < 1e-9 and abs(z) < 1e-9
        # The forearm (+x on the left, -x on the right) may only turn forward from the upper arm's line.
        assert (rotations[18] @ (1, 0, 0))[2] >= -1e-9 and (rotations[19] @ (-1, 0, 0))[2] >= -1e-9


def test_forward_kinematics_equals_the_body_model(body):
    rotations = Rotation.random(24, random_state=0).as_matrix()
    expected = body.pose(rotations[None], np.zeros((1, 10), np.float32)).joints[0, :24]
    np.testing.assert_allclose(
        joint_positions(rotations, body.rest_joints, body.parents), expected, atol=1e-5
    )


def test_standing_people_stand_over_their_feet(body):
    rng, poses = np.random.default_rng(4), sampler(body, stand=1.0)
    for _ in range(20):
        joints = joint_positions(poses.sample(rng).rotations, body.rest_joints, body.parents)
        feet = joints[[7, 8, 10, 11]].mean(0)
        assert np.linalg.norm((joints[6] - feet)[[0, 2]]) < 0.3
        assert joints[15, 1] - joints[[7, 8], 1].min() > 1.2


def test_collisions():
    rest = np.zeros((24, 3))
    rest[[4, 5, 7, 8]] = [(0.15, -0.45, 0), (-0.15, -0.45, 0), (0.15, -0.9, 0), (-0.15, -0.9, 0)]
    rest[[1, 2]] = [(0.15, 0, 0), (-0.15, 0, 0)]
    rest[[12, 15]] = [(0, 0.55, 0), (0, 0.65, 0)]
    rest[[16, 18, 20]] = [(0.2, 0.5, 0), (0.5, 0.5, 0), (0.75, 0.5, 0)]
    rest[[17, 19, 21]] = [(-0.2, 0.5, 0), (-0.5, 0.5, 0), (-0.75, 0.5, 0)]
    assert not limbs_collide(rest)
    inside = rest.copy()
    inside[20] = (0.05, 0.3, 0)
    assert limbs_collide(inside)
    crossed = rest.copy()
    crossed[[7, 8]] = crossed[[8, 7]]
    assert limbs_collide(crossed)


def test_unknown_styles_are_refused(body):
    with pytest.raises(ValueError, match='fly'):
        sampler(body, fly=1.0)
