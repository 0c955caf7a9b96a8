import os
import shutil

import pytest

from mmroi.datasets.dataset_state import describe_dataset, find_differences
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    make_dataset(folder, StudioSettings('easy', 64, 0), 3, 1, workers=1, progress=False)
    return folder


@pytest.fixture
def describe(images, tmp_path, mmroi_scope):
    """Describe a copy of the images."""
    shutil.copytree(images, tmp_path / 'data')

    def run(root=tmp_path / 'data', **changes):
        config = dict(type='HumanImageDataset', ann_file='train.npz', data_root=str(root), **changes)
        return describe_dataset(DATASETS.build(config), config)

    return run


def test_a_moved_dataset_is_the_same(describe, tmp_path):
    before = describe()
    (tmp_path / 'data').rename(tmp_path / 'moved')
    assert describe(tmp_path / 'moved') == before
    assert before['num_samples'] == 3


def test_what_changes_a_dataset(describe, tmp_path):
    before = describe()
    root = tmp_path / 'data'
    image = next((root / 'images' / 'train').rglob('*.jpg'))
    os.utime(image, (1, 1))
    assert find_differences(before, describe()) == ['images']
    shutil.copy(root / 'val.npz', root / 'train.npz')
    assert {'num_samples', 'annotations'} < set(find_differences(before, describe()))
    assert find_differences(describe(), describe(dataset_name='a', pipeline=[dict(type='LoadImage')])) == [
        'dataset.dataset_name',
        'dataset.pipeline',
    ]


def test_image_paths_are_those_of_the_samples(images, mmroi_scope):
    config = dict(type='HumanImageDataset', ann_file='train.npz', data_root=str(images), indices=[2, 0])
    dataset = DATASETS.build(config)
    assert dataset.image_paths() == [dataset.get_data_info(i)['img_path'] for i in range(2)]


@pytest.mark.parametrize(
    'one, other, names',
    [
        (dict(a=1, b=[1, dict(c=2)]), dict(a=1, b=[1, dict(c=2)]), []),
        (dict(a=1, b=[1, dict(c=2)]), dict(a=2, b=[1, dict(c=3)]), ['a', 'b.1.c']),
        (dict(a=[1]), dict(a=[1, 2]), ['a']),
        (dict(a=1), dict(b=1), ['a', 'b']),
        (dict(a=dict(b=1)), dict(a=1), ['a']),
    ],
)
def test_differences(one, other, names):
    assert find_differences(one, other) == names
