"""A check that cached features are those of the encoder that is trained with them."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmroi.fileio.state_dicts import fingerprint
from mmroi.registry import HOOKS


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Refuse a training whose backbone has other weights than the one that filled its cache.

    Checkpoints bring their own weights when a training is resumed.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare the weights of the backbone with those of the caches.

        Raises:
            ValueError: They differ.
        """
        model: Any = runner.model.module if is_model_wrapper(runner.model) else runner.model
        loaders = [runner.train_dataloader, getattr(runner.val_loop, 'dataloader', None)]
        metas = [getattr(loader.dataset, 'meta', None) for loader in loaders if loader is not None]
        used = {meta['backbone'] for meta in metas if meta}
        if used - {fingerprint(model.encoder.backbone.state_dict())}:
            raise ValueError(
                'the backbone has other weights than the one that filled the feature cache: give it its '
                "weights by init_cfg=dict(type='Pretrained', checkpoint=...), and resume only checkpoints of "
                'a training from the same file; or remove feature_cache'
            )
