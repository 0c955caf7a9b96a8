"""A dataset whose images lie in tar archives, beside the same dataset with loose files."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmroi.datasets import (
    BadSampleError,
    GetPersonBox,
    HumanImageDataset,
    LoadImage,
    MultiRoICrop,
    PackHMRInputs,
    RandomMirror,
)
from mmroi.datasets.dataset_state import describe_dataset
from mmroi.fileio import HumanData
from mmroi.fileio.image_archives import open_archive
from mmroi.fileio.image_packing import measure_images, pack_shard, plan_shards


@pytest.fixture
def archives(data_root: Path) -> Path:
    """Folder of the data, with the images loose and in three shards."""
    names = [f'{i}.png' for i in range(8)]
    size = (data_root / '0.png').stat().st_size
    shards = plan_shards(measure_images(names, data_root), data_root / 'packed', 3 * size)
    assert [len(shard.names) for shard in shards] == [3, 3, 2]
    for shard in shards:
        pack_shard(shard, data_root)
    open_archive.cache_clear()
    return data_root


def _dataset(root: Path, prefix: str, **kwargs: object) -> HumanImageDataset:
    pipeline = [
        LoadImage(),
        GetPersonBox(),
        RandomMirror(prob=0.5),
        MultiRoICrop(2, (32, 24)),
        PackHMRInputs(),
    ]
    return HumanImageDataset(
        'people.npz', str(root), data_prefix=dict(img_path=prefix), pipeline=pipeline, **kwargs
    )


PACKED = 'packed-{00000..00002}.tar'


@pytest.mark.parametrize('workers', [0, 2])
def test_same_order_labels_and_pixels(archives: Path, workers: int) -> None:
    batches = []
    for prefix in ('', PACKED):
        dataset = _dataset(archives, prefix)
        dataset.batch_seed = (1, 2)
        loader = DataLoader(
            dataset,
            3,
            shuffle=True,
            generator=torch.Generator().manual_seed(0),
            num_workers=workers,
            collate_fn=pseudo_collate,
        )
        batches.append(list(loader))
    compared = 0
    for loose, packed in zip(*batches, strict=True):
        for one, other in zip(loose['inputs'], packed['inputs'], strict=True):
            assert torch.equal(one, other) and one.float().std() > 10
        for one, other in zip(loose['data_samples'], packed['data_samples'], strict=True):
            assert other.img_path == str(archives / PACKED / Path(one.img_path).name)
            assert one.metainfo.keys() == other.metainfo.keys()
            for key in one.metainfo.keys() - {'img_path', 'person_id'}:  # a hash of the path and the box
                np.testing.assert_array_equal(one.metainfo[key], other.metainfo[key])
            for key, value in one.gt_instances.items():
                np.testing.assert_array_equal(value, other.gt_instances[key])
            compared += 1
    assert compared == 8


def test_checks_of_a_test_set_and_copies_for_workers(archives: Path) -> None:
    for i in range(8):
        (archives / f'{i}.png').unlink()
    dataset = _dataset(archives, PACKED, test_mode=True, skip_bad=True)
    assert len(dataset) == 8 and not dataset.skipped
    open_archive.cache_clear()  # as in a new process
    assert pickle.loads(pickle.dumps(dataset))[7]['inputs'].shape == (2, 3, 32, 24)


def test_a_folder_of_an_archive(archives: Path) -> None:
    """Paths of the annotations may start anywhere in the archive."""
    (archives / 'sub').mkdir()
    for i in range(8):
        (archives / f'{i}.png').rename(archives / 'sub' / f'{i}.png')
    names = [f'sub/{i}.png' for i in range(8)]
    (shard,) = plan_shards(measure_images(names, archives), archives / 'all', 1 << 30)
    pack_shard(shard, archives)
    assert _dataset(archives, 'all-00000.tar/sub')[7]['data_samples'].img_path.endswith('.tar/sub/7.png')


def test_missing_and_damaged_images(archives: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'other\.tar: no such image archive.*mmroi pack-images'):
        _dataset(archives, 'other.tar')
    shard = archives / 'packed-00001.tar'
    content = bytearray(shard.read_bytes())
    content[2000] ^= 1  # in the first image of the second shard
    shard.write_bytes(content)
    (lonely,) = plan_shards(measure_images(['0.png'], archives), archives / 'few', 1 << 30)
    pack_shard(lonely, archives)
    dataset = _dataset(archives, PACKED)
    with pytest.raises(
        BadSampleError, match=r"row 3 of .*people\.npz: .*packed-00001\.tar: the member '3\.png'"
    ):
        dataset[3]
    assert dataset[2] is not None
    with pytest.raises(BadSampleError, match=r"missing image: row 5 .*few-00000\.tar has no member '5\.png'"):
        _dataset(archives, 'few-00000.tar')[5]
    tested = _dataset(archives, PACKED, test_mode=True, skip_bad=True)
    assert tested.skipped == {'unreadable image': 1} and len(tested) == 7


def test_annotations_cannot_leave_the_archive(archives: Path) -> None:
    people = HumanData.fromfile(archives / 'people.npz')
    paths = ['../0.png', f'../{archives.parent.name}/x.png', '/etc/passwd', *list(people['image_path'])[3:]]
    people['image_path'] = paths
    people.dump(archives / 'people.npz')
    dataset = _dataset(archives, PACKED)
    with pytest.raises(BadSampleError, match=r"has no member '\.\./0\.png'"):
        dataset[0]
    for i in (1, 2):
        with pytest.raises(BadSampleError, match='has no member|image outside its folder'):
            dataset[i]


def test_description_follows_the_archive(archives: Path) -> None:
    def describe() -> dict:
        open_archive.cache_clear()
        return describe_dataset(_dataset(archives, PACKED), dict(type='HumanImageDataset'))

    before = describe()
    assert describe() == before
    os.utime(archives / 'packed-00002.tar', (1, 1))
    assert describe()['images'] != before['images']
