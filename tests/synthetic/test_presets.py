import pytest

from mmroi.synthetic.presets import PRESETS, get_preset


def test_unknown_preset():
    with pytest.raises(ValueError, match='easy, frontal, full'):
        get_preset('hard')


@pytest.mark.parametrize('name', PRESETS)
def test_a_preset_is_a_copy_with_all_settings(name):
    preset = get_preset(name)
    assert set(preset) == set(get_preset('full'))
    preset['poses'].clear()
    assert get_preset(name)['poses']
    for key in ('aspects', 'num_people'):
        assert sum(weight for _, weight in preset[key]) == pytest.approx(1)


def test_frontal_is_full_with_the_orientations_and_poses_of_easy():
    easy, frontal, full = (get_preset(name) for name in ('easy', 'frontal', 'full'))
    own = {'yaw', 'poses', 'pose_scale'}
    assert {key for key in full if frontal[key] != full[key]} == own
    assert all(frontal[key] == easy[key] for key in own)
