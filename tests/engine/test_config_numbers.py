import pytest
from mmengine.config import Config

from mmroi.engine.config_numbers import read_numbers


def test_numbers_are_found_among_other_values():
    cfg = Config(dict(num_rois=3, max_epochs=None, random_rois=False, lr=1e-3, num_workers=2))
    assert read_numbers(cfg) == dict(num_rois=3, random_rois=False)


@pytest.mark.parametrize(
    'name, value, meant',
    [
        ('num_roi', 3, 'num_rois'),
        ('num_rios', 3, 'num_rois'),
        ('max_epoch', 20, 'max_epochs'),
        ('cropsize', (64, 48), 'crop_size'),
        ('box_scales', 1.1, 'box_scale'),
        ('contex_size', (384, 352), 'context_size'),
    ],
)
def test_misspelled_numbers(name, value, meant):
    with pytest.raises(ValueError, match=f'nothing reads {name} = .*did you mean {meant!r}'):
        read_numbers(Config({name: value}))


def test_variables_of_a_config_are_not_taken_for_misspelled_numbers():
    variables = dict(
        num_joints=24, image_size=(256, 192), num_epochs=20, max_iters=100, train_crop_size=(256, 192)
    )
    assert read_numbers(Config(dict(variables, crop_sizes=dict(train=1), box_scales=[1.1, 1.2]))) == {}
