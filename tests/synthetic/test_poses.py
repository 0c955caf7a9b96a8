"""Poses: within limits, mirrored, balanced, free of collisions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.joint_angles import LIMITS, angles_to_matrices, clip_angles
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


@pytest.mark.parametrize(
    'angle, joint, moved, direction',
    [
        ('left_hip_flexion', 1, 4, (0, 0, 1)),
        ('left_hip_abduction', 1, 4, (1, 0, 0)),
        ('right_hip_abduction', 2, 5, (-1, 0, 0)),
        ('right_knee_flexion', 5, 8, (0, 0, -1)),
        ('left_elbow_flexion', 18, 20, (0, 0, 1)),
        ('right_elbow_flexion', 19, 21, (0, 0, 1)),
    ],
)
def test_an_angle_moves_the_limb_as_its_name_says(body, angle, joint, moved, direction):
    arms_out = dict(left_arm_elevation=90, right_arm_elevation=90)
    before = angles_to_matrices(clip_angles(arms_out))
    after = angles_to_matrices(clip_angles({**arms_out, angle: 30}))
    change = (
        joint_positions(after, body.rest_joints, body.parents)
        - joint_positions(before, body.rest_joints, body.parents)
    )[moved]
    assert change @ direction > 0.1
    np.testing.assert_allclose(np.delete(after, joint, 0), np.delete(before, joint, 0))


def test_arms_out_is_the_rest_pose():
    angles = clip_angles(dict(left_arm_elevation=90, right_arm_elevation=90))
    np.testing.assert_allclose(angles_to_matrices(angles), np.tile(np.eye(3), (24, 1, 1)), atol=1e-12)


def test_right_side_mirrors_the_left():
    rng = np.random.default_rng(2)
    drawn = {name: rng.uniform(*limit) for name, limit in LIMITS.items() if name.startswith('left_')}
    angles = clip_angles({**drawn, **{name.replace('left', 'right'): value for name, value in drawn.items()}})
    matrices = angles_to_matrices(angles)
    mirror = np.diag([-1.0, 1, 1])
    for left in (1, 4, 7, 10, 13, 16, 18, 20):
        np.testing.assert_allclose(matrices[left + 1], mirror @ matrices[left] @ mirror, atol=1e-12)


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


def test_unknown_names_are_refused(body):
    with pytest.raises(KeyError, match='tail_flexion'):
        clip_angles(dict(tail_flexion=3))
    with pytest.raises(ValueError, match='fly'):
        sampler(body, fly=1.0)
