"""Filling of feature caches: resumable, never stale, and said beforehand how large."""

import errno
import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
from mmengine.config import Config
from safetensors.torch import load_file, save_file

from mmroi.datasets import MultiRoICrop, feature_shards
from mmroi.engine import feature_cache
from mmroi.engine.feature_cache import use_feature_cache
from mmroi.engine.feature_filling import FeatureCache, FeatureCacheOptions
from mmroi.registry import DATASETS
from mmroi.utils.errors import UserError


def folders(root):
    return sorted((root / 'features').iterdir())


def shift_weights(path, shift):
    weights = load_file(path)
    weights['layer4.1.bn2.bias'] += shift
    save_file(weights, path)


def test_the_cache_is_filled_once_and_more_variants_are_added(cfg, tmp_path, monkeypatch):
    options = FeatureCacheOptions.read(cfg.feature_cache)
    model = feature_cache._build_model(cfg)
    cache = FeatureCache(model, cfg.train_dataloader.dataset, options)
    num_samples = len(DATASETS.build(cfg.train_dataloader.dataset))
    assert cache.fill(1) == num_samples
    assert cache.fill(1) == 0
    assert cache.fill(3) == 2 * num_samples
    assert folders(tmp_path / 'data') == [cache.folder]


def test_an_interrupted_filling_resumes_and_equals_an_uninterrupted_one(cfg):
    cache = FeatureCache(
        feature_cache._build_model(cfg),
        cfg.train_dataloader.dataset,
        FeatureCacheOptions.read(cfg.feature_cache),
    )
    whole = cache.fill(2)
    shards = sorted(cache.folder.rglob('*.npy'))
    content = {path: path.read_bytes() for path in shards}
    shards[0].write_bytes(content[shards[0]][:-8])
    shards[1].write_bytes(b'')
    shards[-1].unlink()
    assert 0 < cache.fill(2) < whole
    assert {path: path.read_bytes() for path in sorted(cache.folder.rglob('*.npy'))} == content


def test_other_weights_crops_or_images_are_another_cache(cfg, tmp_path):
    def folder(config):
        options = FeatureCacheOptions.read(config.feature_cache)
        model = feature_cache._build_model(config)
        return FeatureCache(model, config.train_dataloader.dataset, options).folder

    found = {folder(cfg)}
    assert folder(cfg) in found
    for key, value in {
        'train_dataloader.dataset.pipeline.4.crop_size': (32, 24),
        'model.encoder.neck.grid': (1, 1),
        'model.data_preprocessor.mean': (1.0, 2.0, 3.0),
        'feature_cache.seed': 1,
        'feature_cache.precision': 'bfloat16',
    }.items():
        changed = cfg.copy()
        changed = Config(json.loads(json.dumps(cfg.to_dict())))
        changed.merge_from_dict({key: value})
        found.add(folder(changed))
    assert len(found) == 6
    shift_weights(tmp_path / 'weights.safetensors', 1)
    found.add(folder(cfg))
    image = next((tmp_path / 'data' / 'images' / 'train').rglob('*.jpg'))
    image.write_bytes(image.read_bytes() + b' ')
    found.add(folder(cfg))
    assert len(found) == 8


def test_moved_data_keep_their_cache(cfg, tmp_path):
    use_feature_cache(cfg)
    (tmp_path / 'data').rename(tmp_path / 'moved')
    dataset = cfg.train_dataloader.dataset.dataset
    dataset.data_root = str(tmp_path / 'moved')
    cache = FeatureCache(
        feature_cache._build_model(cfg), dataset, FeatureCacheOptions(variants=2, storage='float32', jobs=1)
    )
    assert cache.folder in folders(tmp_path / 'moved') and cache.fill(2) == 0


def test_features_that_float16_cannot_hold(cfg, tmp_path):
    shift_weights(tmp_path / 'weights.safetensors', 1e6)
    cfg.feature_cache.storage = 'float16'
    with pytest.raises(ValueError, match="not finite in float16.*set feature_cache.storage='float32'"):
        use_feature_cache(cfg)
    cfg.feature_cache = dict(storage='float32', variants=1, jobs=1)
    assert len(use_feature_cache(cfg)) == 2


def test_changed_code_is_noticed(cfg, monkeypatch):
    """What the key does not cover shows in the first sample."""
    (cache, _) = use_feature_cache(Config(cfg.to_dict()))
    model = feature_cache._build_model(cfg)
    options = FeatureCacheOptions.read(cfg.feature_cache)
    FeatureCache(model, cfg.train_dataloader.dataset, options)
    crop = MultiRoICrop.transform

    def wrong(self, results):
        results = crop(self, results)
        results['betas'] = results['betas'] + 1
        return results

    monkeypatch.setattr(MultiRoICrop, 'transform', wrong)
    with pytest.raises(ValueError, match=r'first sample has other values now \(label\.betas\).*delete'):
        FeatureCache(model, cfg.train_dataloader.dataset, options)
    monkeypatch.undo()
    meta = json.loads((cache.folder / 'cache.json').read_text())
    (cache.folder / 'cache.json').write_text(json.dumps({**meta, 'seed': 5}))
    with pytest.raises(ValueError, match=r'cache\.json differs from the config in seed'):
        FeatureCache(model, cfg.train_dataloader.dataset, options)


def test_several_processes_give_the_same(cfg, tmp_path):
    (one,) = use_feature_cache(Config(cfg.to_dict()), ['train'])
    cfg.feature_cache.update(jobs=2, cache_dir=str(tmp_path / 'elsewhere'))
    (other,) = use_feature_cache(cfg, ['train'])
    assert other.folder == tmp_path / 'elsewhere' / one.folder.name
    names = [path.relative_to(one.folder) for path in sorted(one.folder.rglob('*.npy'))]
    assert names == [path.relative_to(other.folder) for path in sorted(other.folder.rglob('*.npy'))]
    for name in names:
        a, b = (np.load(cache.folder / name) for cache in (one, other))
        np.testing.assert_allclose(a['feature.0'], b['feature.0'], rtol=1e-5, atol=1e-6)
        features = ('feature', feature_shards.CHECKSUM)  # whose checksums differ as well
        others = [field for field in a.dtype.names if not field.startswith(features)]
        assert all(np.array_equal(a[field], b[field]) for field in others)


def test_too_little_space_is_said_beforehand(cfg, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')(0, 0, 10_000)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(OSError, match=r'0\.000 GB are missing on the disk of .*variants') as caught:
        use_feature_cache(cfg)
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / 'data' / 'features').exists()


def test_places_where_no_cache_can_be(cfg, tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    for place in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        other = Config(json.loads(json.dumps(cfg.to_dict())))
        other.feature_cache.cache_dir = str(place)
        with pytest.raises(UserError, match='file is a file; set feature_cache.cache_dir to a folder'):
            use_feature_cache(other)
    monkeypatch.setattr('os.access', lambda path, mode: path != tmp_path / 'data')  # root may always
    with pytest.raises(UserError, match='may not write to .*data; set feature_cache.cache_dir to a folder'):
        use_feature_cache(cfg)
    assert not (tmp_path / 'data' / 'features').exists()


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EFBIG])
def test_a_disk_that_fills_up_keeps_what_is_there(cfg, tmp_path, monkeypatch, number):
    options = FeatureCacheOptions.read(cfg.feature_cache)
    cache = FeatureCache(feature_cache._build_model(cfg), cfg.train_dataloader.dataset, options)
    write, written = feature_shards.write_shard, []

    def full(path, *content):
        if written:
            raise OSError(number, 'No space left on device')
        written.append(path)
        write(path, *content)

    monkeypatch.setattr('mmroi.engine.feature_encoder.write_shard', full)
    with pytest.raises(OSError, match=r'is full; .* still missing\. What has been computed stays'):
        cache.fill(1)
    assert feature_shards.is_complete(written[0], 4)
    monkeypatch.setattr('mmroi.engine.feature_encoder.write_shard', write)
    assert cache.fill(1) == len(DATASETS.build(cfg.train_dataloader.dataset)) - 4
