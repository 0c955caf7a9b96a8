"""Features of a frozen encoder, computed once: equal to those computed in each step, never stale."""

import errno
import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from safetensors.torch import save_file

from mmroi.datasets import MixtureSampler, MultiRoICrop, feature_shards
from mmroi.datasets.seeded_samples import SeededSamples, seeded
from mmroi.engine import feature_cache
from mmroi.engine.feature_cache import use_feature_cache
from mmroi.engine.feature_filling import FeatureCache, FeatureCacheOptions
from mmroi.engine.hooks.loss_coverage_hook import find_sets
from mmroi.engine.pipelines import set_crops
from mmroi.registry import DATASETS, MODELS
from mmroi.synthetic import StudioSettings, make_dataset

RESNET = dict(type='mmdet.ResNet', depth=18, base_channels=8, out_indices=(3,))
STEPS = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox'),
    dict(type='RandomMirror', prob=0.5),
    dict(type='RandomBoxScale', factor=0.2),
    dict(type='MultiRoICrop', num_rois=2, crop_size=(64, 48)),
    dict(type='PackHMRInputs'),
]


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    make_dataset(folder, StudioSettings('easy', 96, 0), 9, 3, workers=1, progress=False)
    return folder


@pytest.fixture
def cfg(images, tmp_path, monkeypatch):
    """A training of small heads on a frozen ResNet, with shards of four samples."""
    for module in ('feature_shards', 'cached_features'):
        monkeypatch.setattr(f'mmroi.datasets.{module}.SHARD_SIZE', 4)
    init_default_scope('mmroi')
    torch.manual_seed(1)
    save_file(MODELS.build(RESNET).state_dict(), tmp_path / 'weights.safetensors')
    root = tmp_path / 'data'
    shutil.copytree(images, root)

    def loader(name):
        dataset = dict(
            type='HumanImageDataset',
            ann_file=f'{name}.npz',
            data_root=str(root),
            pipeline=STEPS if name == 'train' else [STEPS[i] for i in (0, 1, 4, 5)],
            test_mode=name == 'val',
        )
        return dict(batch_size=3, num_workers=2, dataset=dataset)

    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.safetensors'))
    model = dict(
        type='MeshEstimator',
        num_rois=2,
        data_preprocessor=dict(type='HMRDataPreprocessor'),
        encoder=dict(
            type='MultiRoIEncoder',
            backbone=dict(**RESNET, init_cfg=init_cfg),
            neck=dict(type='GridNeck', in_channels=(64,), grid=(2, 2), channels=4, out_channels=16),
            frozen_stages=4,
            norm_eval=True,
        ),
        fusion=dict(type='RoIAwareFusion'),
        head=dict(type='MultiRoIHead', hidden_channels=(16, 16)),
        projector=dict(type='ContrastiveProjector'),
        body_model=dict(type='SMPL'),
        losses=dict(
            smpl=dict(type='SMPLParameterLoss'),
            keypoints2d=dict(type='Keypoint2DLoss'),
            camera=dict(type='CameraConsistencyLoss'),
            contrastive=dict(type='ContrastiveLoss'),
        ),
    )
    return Config(
        dict(
            model=model,
            train_dataloader=loader('train'),
            val_dataloader=loader('val'),
            feature_cache=dict(variants=2, storage='float32', jobs=1),
        )
    )


def trained(cfg, batches):
    """Weights after steps on batches."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.01)
    for batch in batches:
        torch.manual_seed(5)  # of dropout
        losses = model(**model.data_preprocessor(pseudo_collate(batch)), mode='loss')
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    return model.state_dict()


def folders(root):
    return sorted((root / 'features').iterdir())


def test_a_training_from_the_cache_is_the_training_on_the_crops(cfg, tmp_path):
    plain = DATASETS.build(cfg.train_dataloader.dataset)
    use_feature_cache(cfg)
    assert 'feature_cache' not in cfg and cfg.train_dataloader.num_workers == 0
    cached = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(cached) == len(plain) and cached.metainfo == plain.metainfo
    items = [[(0, 0), (1, 1), (2, 0)], [(4, 1), (0, 1), (len(plain) - 1, 0)]]
    on_crops = trained(cfg, [list(SeededSamples(plain, batch)) for batch in items])
    on_features = trained(cfg, [[cached.get_variant(*item) for item in batch] for batch in items])
    start = trained(cfg, [])
    for name, value in on_crops.items():
        torch.testing.assert_close(on_features[name], value, atol=1e-6, rtol=1e-5, msg=name)
    assert not torch.equal(start['encoder.neck.fc.weight'], on_crops['encoder.neck.fc.weight'])


def test_predictions_and_labels_of_the_validation_are_the_same(cfg):
    plain = DATASETS.build(cfg.val_dataloader.dataset)
    use_feature_cache(cfg)
    cached = DATASETS.build(cfg.val_dataloader.dataset)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.eval()
    results = [
        model.test_step(pseudo_collate([dataset[i] for i in range(len(dataset))]))
        for dataset in (plain, cached)
    ]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one.pred_instances.vertices, other.pred_instances.vertices)
        torch.testing.assert_close(one.gt_instances.keypoints2d, other.gt_instances.keypoints2d)
        assert one.metainfo.keys() == other.metainfo.keys()
        for key, value in one.metainfo.items():
            np.testing.assert_array_equal(value, other.metainfo[key])
            assert type(value) is type(other.metainfo[key])


def test_variants_differ_and_training_draws_them(cfg):
    use_feature_cache(cfg)
    cached = DATASETS.build(cfg.train_dataloader.dataset)
    first, second = (cached.get_variant(0, variant)['features'][0] for variant in (0, 1))
    assert not torch.equal(first, second)
    drawn = [torch.equal(cached[0]['features'][0], first) for _ in range(20)]
    assert 0 < sum(drawn) < 20
    with seeded(3):
        once = [cached[i]['features'][0] for i in range(5)]
    with seeded(3):
        assert all(torch.equal(a, cached[i]['features'][0]) for i, a in enumerate(once))


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
    torch.manual_seed(2)
    save_file(MODELS.build(RESNET).state_dict(), tmp_path / 'weights.safetensors')
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


@pytest.mark.parametrize(
    'change, message',
    [
        ({'model.encoder.frozen_stages': 2}, 'the encoder is not frozen'),
        ({'model.encoder.norm_eval': False, 'model.encoder.frozen_stages': 3}, 'the encoder is not frozen'),
        ({'model.heatmap_head': dict(type='HeatmapHead')}, "model's heatmap_head needs whole feature maps"),
        ({'feature_cache.variant': 3}, 'does not know variant; it knows variants'),
        ({'feature_cache.variants': 0}, 'variants must be from 1 to 99, not 0'),
        ({'feature_cache.storage': 'int8'}, 'storage one of'),
    ],
)
def test_configs_that_cannot_be_cached(cfg, tmp_path, change, message):
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError, match=message):
        use_feature_cache(cfg)
    assert not (tmp_path / 'data' / 'features').exists()


def test_features_that_float16_cannot_hold(cfg, tmp_path):
    weights = MODELS.build(RESNET).state_dict()
    weights['layer4.1.bn2.bias'] += 1e6
    save_file(weights, tmp_path / 'weights.safetensors')
    cfg.feature_cache.storage = 'float16'
    with pytest.raises(ValueError, match="not finite in float16.*set feature_cache.storage='float32'"):
        use_feature_cache(cfg)
    cfg.feature_cache = dict(storage='float32', variants=1, jobs=1)
    assert len(use_feature_cache(cfg)) == 2


def test_each_dataset_of_a_mixture_has_its_cache(cfg, tmp_path):
    """Also where MMEngine's wrappers are inside, or around."""
    shared = cfg.train_dataloader.dataset
    parts = [
        dict(type=shared.pop('type'), dataset_name='one', ann_file=shared.pop('ann_file')),
        dict(type='HumanImageDataset', dataset_name='other', ann_file='val.npz'),
    ]
    mixture = dict(shared, type='MixedDataset', datasets=parts)
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=mixture)
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    plain = DATASETS.build(cfg.train_dataloader.dataset)
    caches = use_feature_cache(cfg, ['train'])
    assert sorted(cache.folder.name.split('_')[0] for cache in caches) == ['train', 'val']
    cached = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(cached) == len(plain) == 2 * len(cached.dataset)
    assert [part.dataset_name for part in find_sets(cached)] == ['one', 'other']
    for i in range(len(plain)):
        one, other = plain[i]['data_samples'], cached[i]['data_samples']
        assert (one.img_path, one.person_id) == (other.img_path, other.person_id)
    ratios = MixtureSampler(cached.dataset, [1, 3], seed=0)
    assert len(list(ratios)) == len(cached.dataset) and ratios.names == ['one', 'other']


def test_datasets_that_cannot_be_cached(cfg):
    cfg.train_dataloader.dataset.indices = 0
    with pytest.raises(ValueError, match='HumanImageDataset cannot be cached: it is empty'):
        use_feature_cache(cfg)
    cfg.feature_cache = {}
    cfg.train_dataloader.dataset = dict(type=NoDataset)
    with pytest.raises(ValueError, match='NoDataset.* cannot be cached: it is no BaseDataset'):
        use_feature_cache(cfg)


class NoDataset(torch.utils.data.Dataset):
    def __len__(self):
        return 1


def test_changed_data_are_not_read_with_the_old_features(cfg, tmp_path):
    """As from the config that a training has left in its work folder."""
    use_feature_cache(cfg)
    root = tmp_path / 'data'
    shutil.copy(root / 'val.npz', root / 'train.npz')
    with pytest.raises(ValueError, match='other data, which differ in num_samples, annotations, images'):
        DATASETS.build(cfg.train_dataloader.dataset)
    cfg.val_dataloader.dataset.dataset.pipeline[2].crop_size = (32, 24)
    with pytest.raises(ValueError, match=r'differ in dataset\.pipeline\.2\.crop_size'):
        DATASETS.build(cfg.val_dataloader.dataset)


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
        others = [field for field in a.dtype.names if not field.startswith('feature')]
        assert all(np.array_equal(a[field], b[field]) for field in others)


def test_too_little_space_is_said_beforehand(cfg, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')(0, 0, 10_000)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(OSError, match=r'0\.000 GB are missing on the disk of .*variants') as caught:
        use_feature_cache(cfg)
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / 'data' / 'features').exists()


def test_a_disk_that_fills_up_keeps_what_is_there(cfg, tmp_path, monkeypatch):
    options = FeatureCacheOptions.read(cfg.feature_cache)
    cache = FeatureCache(feature_cache._build_model(cfg), cfg.train_dataloader.dataset, options)
    write, written = feature_shards.write_shard, []

    def full(path, *content):
        if written:
            raise OSError(errno.ENOSPC, 'No space left on device')
        written.append(path)
        write(path, *content)

    monkeypatch.setattr('mmroi.engine.feature_encoder.write_shard', full)
    with pytest.raises(OSError, match=r'is full; .* still missing\. What has been computed stays'):
        cache.fill(1)
    assert feature_shards.is_complete(written[0], 4)
    monkeypatch.setattr('mmroi.engine.feature_encoder.write_shard', write)
    assert cache.fill(1) == len(DATASETS.build(cfg.train_dataloader.dataset)) - 4


def test_an_incomplete_cache_is_not_read(cfg, tmp_path):
    use_feature_cache(cfg)
    (folder,) = [f for f in folders(tmp_path / 'data') if f.name.startswith('train')]
    (folder / 'variant_00' / '000000.npy').unlink()
    cached = DATASETS.build(cfg.train_dataloader.dataset)
    with pytest.raises(FileNotFoundError, match=r'000000\.npy is missing or damaged'):
        cached.get_variant(0, 0)
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match='--cache-features'):
        DATASETS.build(cfg.train_dataloader.dataset)


def test_models_with_fewer_rois_share_a_cache(cfg, tmp_path):
    one = Config(json.loads(json.dumps(cfg.to_dict())))
    one.merge_from_dict({'model.num_rois': 1, 'feature_cache.num_rois': 2})
    set_crops(one, num_rois=1)
    plain = DATASETS.build(one.val_dataloader.dataset)
    use_feature_cache(cfg)
    before = folders(tmp_path / 'data')
    use_feature_cache(one)
    assert folders(tmp_path / 'data') == before
    cached = DATASETS.build(one.val_dataloader.dataset)
    model = MODELS.build(one.model)
    model.init_weights()
    results = [
        model.eval().test_step(pseudo_collate([dataset[i] for i in range(len(dataset))]))
        for dataset in (plain, cached)
    ]
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        torch.testing.assert_close(found.pred_instances.vertices, expected.pred_instances.vertices)
