from types import SimpleNamespace

import pytest
from torch import nn
from torch.utils.data import ConcatDataset

from mmroi.datasets import CachedFeatures
from mmroi.engine.hooks import FeatureCacheHook
from mmroi.fileio.state_dicts import fingerprint


def loader(*backbones):
    """Of a mixture of caches that were filled by these backbones."""
    sets = []
    for backbone in backbones:
        cached = CachedFeatures.__new__(CachedFeatures)
        cached.dataset, cached.meta = [0], dict(backbone=fingerprint(backbone.state_dict()))
        sets.append(cached)
    return SimpleNamespace(dataset=ConcatDataset(sets) if sets else [0])


def run(backbone, train, val=None):
    encoder = SimpleNamespace(backbone=backbone)
    runner = SimpleNamespace(
        model=SimpleNamespace(encoder=encoder),
        train_dataloader=train,
        val_loop=SimpleNamespace(dataloader=val) if val else None,
        test_dataloader=train,
    )
    FeatureCacheHook().before_train(runner)
    FeatureCacheHook().before_test(runner)


def test_the_backbone_must_be_the_one_that_filled_the_caches():
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    run(one, loader(one, one), loader(one))
    run(one, loader(), loader())
    for train, val in ((loader(one, other), None), (loader(one), loader(other)), (loader(other), None)):
        with pytest.raises(ValueError, match='other weights than the one that filled the feature cache'):
            run(one, train, val)
