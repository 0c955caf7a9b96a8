"""Records of features, labels and metainfo: what is written is what is read."""

import errno
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from mmengine.structures import InstanceData

from mmroi.datasets import feature_shards
from mmroi.datasets.feature_shards import Shard, is_complete, pack_records, shard_sizes, write_shard
from mmroi.structures import HMRDataSample

from ..conftest import FUZZ_CASES

META = dict(
    boxes=np.arange(6.0).reshape(2, 3),
    focal_length=1000.5,
    img_path='/data/set/images/ä.jpg',
    img_shape=(480, 640),
    flip=True,
    person_id=2**62 + 1,
    action='',
    ratio=np.float32(0.5),
    corners=[1, 2, 3],
)


def sample(**meta):
    made = HMRDataSample(metainfo={**META, **meta})
    made.gt_instances = InstanceData(betas=np.random.rand(1, 10).astype(np.float32))
    return made


def maps(dtype=np.float16):
    """Two maps of odd size, so that nothing behind them would be aligned by itself."""
    return [np.random.rand(1, 3, 3, 5).astype(dtype), np.random.rand(1, 7, 1, 1).astype(dtype)]


@pytest.mark.parametrize('dtype', [np.float16, np.float32])
def test_round_trip(tmp_path, dtype):
    features = [maps(dtype) for _ in range(3)]
    samples = [sample(action='walking' * i, flip=i == 1, focal_length=float(i)) for i in range(3)]
    path = tmp_path / 'variant_00' / '000000.npy'
    write_shard(path, pack_records(features, samples))
    shard = Shard(path)
    assert len(shard) == 3 and is_complete(path, 3) and not is_complete(path, 2)
    for i, (given, packed) in enumerate(zip(features, samples, strict=True)):
        found, labels, meta = shard[i]
        for one, other in zip(given, found, strict=True):
            assert other.dtype == dtype
            np.testing.assert_array_equal(np.moveaxis(other, -1, 1), one)
        np.testing.assert_array_equal(labels['betas'], packed.gt_instances.betas)
        assert meta.keys() == META.keys()
        for key, value in meta.items():
            assert type(value) is type(packed.metainfo[key])
            np.testing.assert_array_equal(value, packed.metainfo[key])


def test_labels_do_not_keep_features_in_memory_and_samples_are_writable(tmp_path):
    write_shard(tmp_path / 'a.npy', pack_records([maps()], [sample()]))
    (first, _), labels, meta = Shard(tmp_path / 'a.npy')[0]
    assert labels['betas'].base is None and meta['boxes'].base is None
    first[:] = 0
    assert Shard(tmp_path / 'a.npy')[0][0][0].any()


def test_paths_of_images_are_relative_to_the_data(tmp_path):
    records = pack_records([maps()] * 2, [sample(), sample(img_path='/elsewhere/b.jpg')], '/data/set')
    write_shard(tmp_path / 'a.npy', records)
    moved = Shard(tmp_path / 'a.npy', '/moved')
    assert [moved[i][2]['img_path'] for i in range(2)] == ['/moved/images/ä.jpg', '/elsewhere/b.jpg']


def test_sizes():
    size = feature_shards.SHARD_SIZE
    assert shard_sizes(2 * size + 1) == [size, size, 1]
    assert shard_sizes(size) == [size]


@pytest.mark.parametrize(
    'second, message',
    [
        (dict(roll=1.0), r'differ in their keys \(roll\)'),
        (dict(boxes=np.zeros((3, 3))), "values of 'boxes' are no arrays of one shape"),
        (dict(action=None), "values of 'action' .* leave it out of meta_keys of PackHMRInputs"),
    ],
)
def test_samples_that_cannot_be_packed(second, message):
    with pytest.raises(ValueError, match=message):
        pack_records([maps()] * 2, [sample(), sample(**second)])


@pytest.mark.parametrize('damage', [lambda b: b[:-1], lambda b: b[:40], lambda b: b'', lambda b: b'x' * 999])
def test_damaged_shards(tmp_path, damage):
    path = tmp_path / 'a.npy'
    write_shard(path, pack_records([maps()], [sample()]))
    path.write_bytes(damage(path.read_bytes()))
    assert not is_complete(path, 1)
    with pytest.raises(feature_shards.DAMAGED):
        Shard(path)


def test_a_flipped_bit_is_noticed_when_the_sample_is_first_read(tmp_path):
    path = tmp_path / 'a.npy'
    write_shard(path, pack_records([maps() for _ in range(3)], [sample() for _ in range(3)]))
    whole = path.read_bytes()
    start = len(whole) - len(pack_records([maps()] * 3, [sample()] * 3).view(np.uint8))
    size = (len(whole) - start) // 3
    opened = Shard(path)
    opened[1]
    for place in (size, size + 100, 2 * size - 30):  # features, labels and metainfo, of the second sample
        damaged = bytearray(whole)
        damaged[start + place] ^= 16
        path.write_bytes(damaged)
        assert is_complete(path, 3)
        shard = Shard(path)
        assert shard[0] and shard[2]
        for _ in range(2):
            with pytest.raises(ValueError, match='the checksum of sample 1 is wrong'):
                shard[1]
        opened[1]  # once per process


def test_shards_of_earlier_versions_have_no_checksum(tmp_path):
    records = pack_records([maps()] * 2, [sample()] * 2)
    names = [name for name in records.dtype.names if name != feature_shards.CHECKSUM]
    earlier = np.zeros(2, np.dtype([(name, records.dtype[name]) for name in names], align=True))
    for name in names:
        earlier[name] = records[name]
    for name, array in dict(new=records, old=earlier).items():
        write_shard(tmp_path / f'{name}.npy', array)
    new, old = (Shard(tmp_path / f'{name}.npy') for name in ('new', 'old'))
    assert is_complete(tmp_path / 'old.npy', 2)
    for one, other in zip(new[1], old[1], strict=True):
        np.testing.assert_equal(one, other)


def test_a_full_disk_is_reported_as_such(tmp_path, monkeypatch):
    @contextmanager
    def full(path, fsync):
        yield Path('/dev/full')

    monkeypatch.setattr(feature_shards, 'atomic_write', full)
    with pytest.raises(OSError) as caught:
        write_shard(tmp_path / 'a.npy', pack_records([maps()], [sample()]))
    assert caught.value.errno == errno.ENOSPC


def test_random_damage_is_noticed(tmp_path, mutate):
    path = tmp_path / 'a.npy'
    write_shard(path, pack_records([maps()] * 2, [sample()] * 2))
    content = path.read_bytes()
    expected = [Shard(path)[i][0] for i in range(2)]
    for seed in range(FUZZ_CASES):
        path.write_bytes(mutate(content, seed))
        try:
            shard = Shard(path)
            found = [shard[i][0] for i in range(2)]
        except feature_shards.DAMAGED:
            continue
        np.testing.assert_equal(found, expected)
