"""Features of a frozen encoder, computed once: equal to those computed in each step, never stale."""

import copy
import json
import shutil
from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmroi.datasets import MixtureSampler
from mmroi.datasets.cached_features import META_FILE
from mmroi.datasets.seeded_samples import SeededSamples, seeded
from mmroi.engine.feature_cache import use_feature_cache
from mmroi.engine.hooks.loss_coverage_hook import find_sets
from mmroi.engine.pipelines import read_crops, set_crops
from mmroi.registry import DATASETS, MODELS


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


def predictions(cfg, *datasets, scale=1.0):
    """What an untrained network, its last layer for poses scaled, says of all people of each dataset."""
    model = MODELS.build(cfg.model)
    model.init_weights()
    if scale != 1:
        model.head.decpose.weight.data *= scale
    model.eval()
    return [
        model.test_step(pseudo_collate([dataset[i] for i in range(len(dataset))])) for dataset in datasets
    ]


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
    for one, other in zip(*predictions(cfg, plain, cached), strict=True):
        torch.testing.assert_close(one.pred_instances.vertices, other.pred_instances.vertices)
        torch.testing.assert_close(one.gt_instances.keypoints2d, other.gt_instances.keypoints2d)
        assert one.metainfo.keys() == other.metainfo.keys()
        for key, value in one.metainfo.items():
            np.testing.assert_array_equal(value, other.metainfo[key])
            assert type(value) is type(other.metainfo[key])


def test_features_of_a_shared_map_are_cached_as_those_of_crops(cfg, tmp_path):
    """Also where others would store more RoIs than the model has: here that would be another context crop."""
    keys = set()
    for stage in (3, 4):
        changed = copy.deepcopy(cfg)
        changed.merge_from_dict({'feature_cache.num_rois': 5, 'feature_cache.variants': 1})
        changed.model.encoder.update(type='SharedMapEncoder', crop_size=(64, 64), roi_stage=stage)
        set_crops(changed.train_dataloader, crop_size=(64, 64), context_size=(96, 96))
        set_crops(changed.val_dataloader, crop_size=(64, 64), context_size=(96, 96))
        plain = DATASETS.build(changed.val_dataloader.dataset)[1]
        (cache,) = use_feature_cache(changed, ['val'], progress=False)
        cached = DATASETS.build(changed.val_dataloader.dataset)[1]
        assert plain['inputs'].shape == (1, 3, 96, 96) and cached['features'][0].shape == (2, 64, 2, 2)
        model = MODELS.build(changed.model)
        model.init_weights()
        one, other = (model.eval().test_step(pseudo_collate([sample]))[0] for sample in (plain, cached))
        torch.testing.assert_close(one.pred_instances.vertices, other.pred_instances.vertices)
        assert other.context_size == (96, 96) and other.crop_matrices.shape == (1, 2, 3)
        keys.add(cache.folder.name)
    assert len(keys) == 2


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


@pytest.mark.parametrize(
    'change, message',
    [
        ({'model.encoder.frozen_stages': 2}, 'the encoder is not frozen'),
        ({'model.encoder.norm_eval': False, 'model.encoder.frozen_stages': 3}, 'the encoder is not frozen'),
        ({'model.heatmap_head': dict(type='HeatmapHead')}, "model's heatmap_head needs whole feature maps"),
        ({'feature_cache.variant': 3}, 'does not know variant; it knows variants'),
        ({'feature_cache.variants': 0}, 'variants must be an integer from 1, not 0'),
        ({'feature_cache.variants': 100}, 'variants must be at most 99, not 100'),
        ({'feature_cache.variants': 2.5}, 'variants must be an integer from 1, not 2.5'),
        ({'feature_cache.num_rois': '5'}, "num_rois must be an integer from 1, not '5'"),
        ({'feature_cache.seed': -1}, 'seed must be an integer from 0, not -1'),
        ({'feature_cache.jobs': 0}, 'jobs must be an integer from 1, not 0'),
        ({'feature_cache.storage': 'int8'}, 'storage one of'),
        ({'feature_cache.cache_dir': ['x']}, r"cache_dir must be the path of a folder, not \['x'\]"),
        ({'feature_cache.cache_dir': ''}, "cache_dir must be the path of a folder, not ''"),
    ],
)
def test_configs_that_cannot_be_cached(cfg, tmp_path, change, message):
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError, match=message):
        use_feature_cache(cfg)
    assert not (tmp_path / 'data' / 'features').exists()


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


def test_a_config_that_names_no_modules_is_cached(cfg):
    cfg.custom_imports = None
    (cache,) = use_feature_cache(cfg, ['val'], progress=False)
    assert cache.folder.is_dir()


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


def test_a_damaged_shard_is_computed_again(cfg, tmp_path):
    """Its length is right, so only reading it tells; it is removed, and the next start computes it."""
    again = Config(json.loads(json.dumps(cfg.to_dict())))
    use_feature_cache(cfg)
    (folder,) = [f for f in folders(tmp_path / 'data') if f.name.startswith('train')]
    path = folder / 'variant_00' / '000000.npy'
    content = path.read_bytes()
    path.write_bytes(content[:-2000] + bytes(2000))
    cached = DATASETS.build(cfg.train_dataloader.dataset)
    with pytest.raises(
        FileNotFoundError, match=r'000000\.npy is missing or damaged \(.*\): start the training'
    ):
        for index in range(len(cached)):
            cached.get_variant(index, 0)
    assert not path.exists()
    (folder / META_FILE).write_bytes(b'{"half')
    with pytest.raises(FileNotFoundError, match='is no feature cache, or cache.json in it is damaged'):
        DATASETS.build(cfg.train_dataloader.dataset)
    use_feature_cache(again)
    assert path.read_bytes() == content
    cached.get_variant(0, 0)


def with_one_roi(cfg, height):
    """A network of one RoI, whose features are two cells."""
    set_crops(cfg, num_rois=1, crop_size=(height, 64))
    neck = dict(type='GridNeck', in_channels=(64,), grid=(2, 1), channels=8)
    cfg.merge_from_dict({'model.num_rois': 1, 'model.encoder.neck': neck, 'model.losses.contrastive': None})
    cfg.merge_from_dict({'model.fusion': None, 'model.projector': None, 'model.losses.camera': None})


@pytest.mark.parametrize('head', ['MMHuman3DHMRHead', 'MMHuman3DCliffHead'])
def test_heads_that_take_the_mean_of_the_map_share_a_cache_of_cells(cfg, tmp_path, head):
    with_one_roi(cfg, height=128)
    other = deepcopy(cfg)
    other.custom_imports = dict(imports=['mmroi.models.mmhuman3d'])
    other.model.head = dict(type=head)
    plain = DATASETS.build(other.val_dataloader.dataset)
    (read_by_both,) = {
        cache.folder for one in (cfg, other) for cache in use_feature_cache(one, ['val'], progress=False)
    }
    assert read_by_both.is_dir()
    cached = DATASETS.build(other.val_dataloader.dataset)
    assert cached[0]['features'][0].shape == (1, 64, 2, 1)
    # Its weights are nearly zero, so that features would not count.
    results = predictions(other, plain, cached, scale=100)
    for expected, found in zip(*results, strict=True):
        one, two = expected.pred_instances, found.pred_instances
        torch.testing.assert_close(two.vertices, one.vertices, atol=1e-5, rtol=0)
    assert (results[0][0].pred_instances.vertices - results[0][1].pred_instances.vertices).abs().max() > 0.01


def test_cells_that_do_not_keep_the_mean_are_not_stored_for_heads_that_take_it(cfg, tmp_path):
    with_one_roi(cfg, height=96)
    cfg.custom_imports = dict(imports=['mmroi.models.mmhuman3d'])
    cfg.model.head = dict(type='MMHuman3DHMRHead')
    with pytest.raises(ValueError, match=r'HMRHead takes the mean .* GridNeck keeps of its 3x2 cells'):
        use_feature_cache(cfg, ['val'], progress=False)


@pytest.mark.parametrize('shared, models', [(5, (1, 2, 5)), (5, (6, 9)), (2, (3, 9))])
def test_models_share_a_cache_whose_first_rois_are_theirs(cfg, tmp_path, shared, models):
    """Those with at most ``num_rois`` read the features of so many, the others those of all nine."""
    for num_rois in models:
        one = deepcopy(cfg)
        one.merge_from_dict({'model.num_rois': num_rois, 'feature_cache.num_rois': shared})
        set_crops(one, num_rois=num_rois)
        plain = DATASETS.build(one.val_dataloader.dataset)
        caches = use_feature_cache(one, progress=False)
        assert folders(tmp_path / 'data') == [cache.folder for cache in caches] and len(caches) == 2
        cached = DATASETS.build(one.val_dataloader.dataset)
        for expected, found in zip(*predictions(one, plain, cached), strict=True):
            assert len(found.boxes) == num_rois
            np.testing.assert_array_equal(found.boxes, expected.boxes)
            torch.testing.assert_close(found.pred_instances.vertices, expected.pred_instances.vertices)


def test_conditions_that_change_only_the_focal_length_share_a_cache(cfg, tmp_path):
    """Those that change crops do not; what is read is what the whole pipeline gives."""
    read = {}
    for name, step in {
        'exact': None,
        'scaled': dict(type='ScaleFocalLength', factor=0.8),
        'unknown': dict(type='mmroi.ScaleFocalLength', unknown=True),
        'moved': dict(type='RandomBoxShift', factor=0.1),
    }.items():
        changed = deepcopy(cfg)
        if step:
            changed.val_dataloader.dataset.pipeline.insert(2, step)
        plain = DATASETS.build(changed.val_dataloader.dataset)
        (cache,) = use_feature_cache(changed, ['val'], progress=False)
        read[name] = cache.folder
        assert 'ScaleFocalLength' not in json.dumps(cache.meta)
        if name == 'moved':
            continue
        samples = plain[1]['data_samples'], DATASETS.build(changed.val_dataloader.dataset)[1]['data_samples']
        one, other = (dict(sample.metainfo_items()) for sample in samples)
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)
    assert read['exact'] == read['scaled'] == read['unknown'] != read['moved']
    assert sorted({*read.values()}) == folders(tmp_path / 'data')


def test_full_batches_run_compiled_and_the_rest_as_it_is(cfg, tmp_path, monkeypatch):
    calls = []

    def compiled(module, **options):
        assert options['options'] == {'freezing': True}
        module.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
        return torch.nn.Sequential(module)

    monkeypatch.setattr(torch, 'compile', compiled)
    plain, num_rois = deepcopy(cfg), read_crops(cfg.train_dataloader).num_rois
    cfg.feature_cache.update(compile=True, jobs=1)
    use_feature_cache(cfg, ['train'])
    assert calls.count(2 * num_rois) > 1
    (folder,) = folders(tmp_path / 'data')
    before = {path.name: path.read_bytes() for path in folder.rglob('*.npy')}
    shutil.rmtree(folder)
    plain.feature_cache.update(jobs=1)
    use_feature_cache(plain, ['train'])
    assert folders(tmp_path / 'data') == [folder]  # compiling is not part of the key
    assert {path.name: path.read_bytes() for path in folder.rglob('*.npy')} == before
