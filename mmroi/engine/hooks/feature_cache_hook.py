"""A check that cached features are those of the encoder whose heads use them."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmroi.datasets import CachedFeatures
from mmroi.engine.compilation import innermost
from mmroi.engine.hooks.loss_coverage_hook import find_sets
from mmroi.fileio.state_dicts import fingerprint
from mmroi.registry import HOOKS


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Refuse a run whose backbone has other weights than the one that filled its cache.

    Checkpoints bring their own weights when a training is resumed or a model is tested.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare the weights of the backbone with those of the caches.

        Raises:
            ValueError: They differ.
        """
        _check(runner, runner.train_dataloader, getattr(runner.val_loop, 'dataloader', None))

    def before_test(self, runner: Runner) -> None:
        """Compare the weights of the backbone with those of the cache.

        Raises:
            ValueError: They differ.
        """
        _check(runner, runner.test_dataloader)


def _check(runner: Runner, *loaders: Any) -> None:
    model = innermost(runner.model)
    sets = [part for loader in loaders if loader is not None for part in find_sets(loader.dataset)]
    used = {part.meta['backbone'] for part in sets if isinstance(part, CachedFeatures)}
    if used and used != {fingerprint(model.encoder.backbone.state_dict())}:
        raise ValueError(
            'the backbone has other weights than the one that filled the feature cache: give it its weights '
            "by init_cfg=dict(type='Pretrained', checkpoint=...), and resume only checkpoints of a training "
            'from the same file; or remove feature_cache'
        )
