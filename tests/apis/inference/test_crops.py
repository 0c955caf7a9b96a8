import pytest
from mmengine.config import Config

from mmroi.apis import find_model
from mmroi.apis.inference.crops import build_crop_pipeline


@pytest.fixture
def config():
    return Config.fromfile(find_model('multi-roi_r18_synthetic').config)


@pytest.mark.parametrize(
    ('in_config', 'given', 'expected'),
    [
        (None, None, 1.2),  # the default is for tight boxes
        (1.0, None, 1.2),  # for annotations with a margin of their own
        (4 / 3, None, 1.6),
        (1.0, 1.1, 1.1),
    ],
)
def test_margin_of_tight_boxes(config, in_config, given, expected):
    steps = config.test_dataloader.dataset.pipeline
    if in_config:
        steps[1].scale = in_config
    before = steps[1].get('scale')
    assert build_crop_pipeline(config, given).transforms[1].scale == pytest.approx(expected)
    assert steps[1].get('scale') == before


def test_a_dataset_of_datasets(config):
    dataset = config.test_dataloader.dataset
    config.test_dataloader.dataset = dict(type='MixedDataset', datasets=[dataset])
    crop = build_crop_pipeline(config).transforms[2]
    assert crop.num_rois == 5 and crop.crop_size == (96, 72)


def test_no_pipeline(config):
    config.pop('test_dataloader')
    with pytest.raises(ValueError, match='no test_dataloader.dataset.pipeline'):
        build_crop_pipeline(config)
