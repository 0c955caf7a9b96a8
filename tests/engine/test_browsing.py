import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmroi.engine.browsing import choose_people, keep_frames
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset

PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='RandomMirror', prob=0.5),
    dict(type='RandomBoxScale'),
    dict(type='MultiRoICrop', num_rois=3, crop_size=(32, 24)),
    dict(type='PackHMRInputs'),
]


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmroi')


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A mixture of a dataset with itself."""
    root = tmp_path_factory.mktemp('images')
    make_dataset(root, StudioSettings('easy', 96, 0), 6, 1, workers=1, progress=False)
    part = dict(type='HumanImageDataset', ann_file='train.npz', data_root=f'{root}/')
    return dict(type='MixedDataset', datasets=[part, dict(part)], pipeline=PIPELINE)


def test_other_people_with_another_seed_and_the_same_with_the_same(config):
    dataset = DATASETS.build(config)
    for sampler in (dict(type='MixtureSampler', ratios=[1, 2]), {}):
        first, again, other = (choose_people(dataset, sampler, 8, seed) for seed in (0, 0, 1))
        assert len(first) == 8 and first == again != other
    assert sorted(choose_people(dataset, {}, 1000, 0)) == list(range(len(dataset)))


def test_a_mixture_is_drawn_by_its_ratios(config):
    dataset = DATASETS.build(config)
    indices = choose_people(dataset, dict(ratios=[1, 3]), 8, 0)
    assert sum(index < len(dataset) // 2 for index in indices) == 2


def test_samples_are_those_of_the_pipeline(config):
    changed = keep_frames(config)
    assert 'keep_img' not in PIPELINE[-2]
    shown, packed = DATASETS.build(changed), DATASETS.build(config)
    for index in (0, 7, 11):
        np.random.seed(index)
        sample = shown[index]
        np.random.seed(index)
        seen = packed[index]
        np.testing.assert_array_equal(sample['crops'], seen['inputs'].permute(0, 2, 3, 1))
        np.testing.assert_array_equal(sample['keypoints2d'], seen['data_samples'].gt_instances.keypoints2d[0])
        assert sample['img'].shape[:2] == sample['img_shape']


def test_scoped_types_and_nested_datasets():
    crop, pack = dict(type='mmroi.MultiRoICrop'), dict(type='mmroi.PackHMRInputs')
    config = dict(type='RepeatDataset', dataset=dict(type='A', pipeline=[dict(type='LoadImage'), crop, pack]))
    assert keep_frames(config)['dataset']['pipeline'] == [
        dict(type='LoadImage'),
        dict(type='mmroi.MultiRoICrop', keep_img=True),
    ]
