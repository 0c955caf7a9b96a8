import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.joint_angles import LIMITS, angles_to_matrices, clip_angles
from mmroi.synthetic.poses import joint_positions


@pytest.fixture(scope='module')
def body():
    return StudioBody()


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


def test_missing_angles_are_filled_and_all_are_clipped():
    angles = clip_angles(dict(left_knee_flexion=500))
    assert set(angles) == set(LIMITS) and angles['left_knee_flexion'] == 145
    assert angles['right_knee_flexion'] == 0 and angles['left_arm_elevation'] == 4


def test_unknown_angles_are_refused():
    with pytest.raises(KeyError, match='tail_flexion'):
        clip_angles(dict(tail_flexion=3))
