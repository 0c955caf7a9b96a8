"""Trainings and tests on cached features, by the command-line tools."""

import json
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from safetensors.torch import save_file

from mmroi.fileio import read_checkpoint
from mmroi.registry import MODELS
from mmroi.synthetic import StudioSettings, make_dataset

CONFIG = """
_base_ = {base!r}
max_epochs = 2
data_root = {data!r}
weights = dict(type='Pretrained', checkpoint={weights!r})
model = dict(
    encoder=dict(backbone=dict(base_channels=8, init_cfg=weights), frozen_stages=4, norm_eval=True),
    heatmap_head=None,
    losses=dict(heatmaps=None),
)
feature_cache = dict(variants=1, jobs=1, storage='float32')
train_dataloader = dict(batch_size=4, dataset=dict(data_root=data_root))
val_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=-1))
"""


@pytest.fixture(scope='module')
def config(small_multi_roi, tmp_path_factory):
    """A training of small heads on a frozen ResNet."""
    folder = tmp_path_factory.mktemp('cached')
    make_dataset(folder / 'data', StudioSettings('easy', 96, 0), 12, 5, workers=1, progress=False)
    init_default_scope('mmroi')
    resnet = dict(type='mmdet.ResNet', depth=18, base_channels=8)
    save_file(MODELS.build(resnet).state_dict(), folder / 'weights.safetensors')
    path = folder / 'tiny.py'
    names = dict(base=small_multi_roi, data=folder / 'data', weights=folder / 'weights.safetensors')
    path.write_text(CONFIG.format(**{name: str(value) for name, value in names.items()}))
    return path


@pytest.fixture(scope='module')
def trained(config, run_tool):
    """Work folder of an uninterrupted training."""
    work_dir = config.parent / 'whole'
    run_tool('train.py', config, '--cache-features', 2, '--work-dir', work_dir)
    return work_dir


def weights(path):
    return read_checkpoint(path)['state_dict']


def files(config):
    return {path: path.stat().st_mtime_ns for path in (config.parent / 'data' / 'features').rglob('*.npy')}


def test_a_training_fills_the_caches_and_says_how_large_they_are(config, trained):
    folders = {path.parts[-3].split('_')[0] + '/' + path.parts[-2] for path in files(config)}
    assert folders == {'train/variant_00', 'train/variant_01', 'val/variant_00'}
    (log,) = trained.glob('*/*.log')
    assert 'synthetic/MPJPE' in log.read_text()


def test_a_resumed_training_equals_the_uninterrupted_one(config, trained, run_tool):
    half, before = config.parent / 'half', files(config)
    half.mkdir()
    shutil.copy(trained / 'epoch_1.pth', half)
    (half / 'last_checkpoint').write_text(str(half / 'epoch_1.pth'))
    options = ('--work-dir', half, '--resume', '--no-validate')
    run_tool('train.py', config, '--cache-features', 2, *options)
    whole, resumed = weights(trained / 'epoch_2.pth'), weights(half / 'epoch_2.pth')
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    assert files(config) == before


def test_tests_use_crops_unless_told_otherwise(config, trained, run_tool):
    """Also with the config that the training has left."""
    left = trained / config.name
    found, before = [], files(config)
    for name, given, options in (('crops', left, ()), ('cache', config, ('--cache-features',))):
        out = config.parent / f'{name}.json'
        shared = (
            '--work-dir',
            config.parent / name,
            '--out',
            out,
            '--cfg-options',
            f'experiment_name={name}',
        )
        run_tool('test.py', given, trained / 'epoch_2.pth', *shared, *options)
        found.append(json.loads(out.read_text()))
        (log,) = (config.parent / name).glob('*/*.log')
        assert ('FeatureCacheHook' in log.read_text()) == (name == 'cache')
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert files(config) == before


def test_the_config_that_a_training_leaves_can_be_used_elsewhere(config, trained):
    """Work folder and checkpoint have the config as it was given, without the folder of a cache."""
    path = trained / 'of_the_checkpoint.py'
    path.write_text(torch.load(trained / 'epoch_2.pth', weights_only=False)['meta']['cfg'])
    for left in map(Config.fromfile, (trained / config.name, path)):
        assert left.feature_cache == dict(variants=2, jobs=1, storage='float32')
        for loader, batch_size in ((left.train_dataloader, 4), (left.val_dataloader, 2)):
            assert loader.dataset.type == 'HumanImageDataset' and loader.batch_size == batch_size
        assert not any(hook['type'] == 'FeatureCacheHook' for hook in left.get('custom_hooks', []))


def test_filled_beforehand(config, trained, run_tool):
    before = files(config)
    done = run_tool('dataset_tools/cache_features.py', config, '--split', 'train', '--variants', 3)
    added = files(config).keys() - before.keys()
    assert {path.parent.name for path in added} == {'variant_02'}
    assert done.stdout.splitlines()[-1] == str(next(iter(added)).parents[1])
    assert 'GB have to be computed' in done.stdout


def test_browse_dataset_shows_the_crops_of_such_a_training(config, trained, run_tool, tmp_path):
    options = ('--num', 1, '--out-dir', tmp_path / 'out', '--body-model', 'open')
    run_tool('analysis_tools/browse_dataset.py', trained / config.name, *options)
    assert (tmp_path / 'out' / 'sheet.jpg').exists()


def test_an_encoder_that_is_not_frozen(config, run_tool):
    options = ('--work-dir', config.parent / 'not', '--cfg-options', 'model.encoder.frozen_stages=3')
    done = run_tool('train.py', config, *options, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith('error: feature_cache: the encoder is not frozen')
