import numpy as np
import pytest

from mmroi.synthetic.joint_angles import LIMITS
from mmroi.synthetic.pose_styles import ARM_STYLES, ARMS, LEGS, arms


@pytest.mark.parametrize('style', LEGS)
def test_every_style_draws_known_angles_of_legs_and_arms(style):
    rng = np.random.default_rng(0)
    for _ in range(20):
        angles = {**LEGS[style](rng, 1.0), **arms(rng, 1.0, style)}
        assert set(angles) <= set(LIMITS)
        assert {'left_hip_flexion', 'right_hip_flexion', 'left_arm_plane', 'right_arm_plane'} <= set(angles)
        assert all(np.isfinite(value) for value in angles.values())


def test_probabilities_of_arms():
    assert set(ARM_STYLES) == set(LEGS)
    for style, weights in ARM_STYLES.items():
        assert sum(weights.values()) == pytest.approx(1), style
        assert set(weights) <= {*ARMS, 'own'}


def test_scale_multiplies_the_spread():
    def spread(scale):
        rng = np.random.default_rng(0)
        return np.std([LEGS['sit'](rng, scale)['left_hip_flexion'] for _ in range(100)])

    assert spread(0.5) == pytest.approx(spread(1.0) / 2)


def test_arms_swing_opposite_to_the_legs_in_a_stride():
    """The arm is in front (plane 75 degrees) on the side whose leg is behind."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        angles = LEGS['walk'](rng, 0.0)
        left_leg, right_leg = (angles[f'{side}_hip_flexion'] for side in ('left', 'right'))
        # A leg in mid-swing is lifted, so only clear strides tell front from back.
        if abs(left_leg - right_leg) > 15:
            assert (angles['left_arm_plane'] > angles['right_arm_plane']) == (left_leg < right_leg)


def test_crossed_arms_are_one_over_the_other_on_either_side():
    found = set()
    rng = np.random.default_rng(0)
    for _ in range(300):
        angles = arms(rng, 0.0, 'casual')
        found.add(tuple(angles[f'{side}_arm_elevation'] for side in ('left', 'right')))
    over, under, clasped = (ARMS[name][0][0] for name in ('crossed_over', 'crossed_under', 'clasped'))
    assert {(over, under), (under, over), (clasped, clasped)} <= found
    assert all((pair[0] == over) == (pair[1] == under) for pair in found)
