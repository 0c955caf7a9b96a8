"""Compute the features of a frozen encoder once, before a training: ``feature_cache`` in a config.

Heads, losses, and seeds then train on the same features in minutes.
"""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, TypeVar

from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import ConcatDataset

from mmroi.datasets import MixedDataset
from mmroi.engine.compilation import prepare_compiler
from mmroi.engine.custom_imports import import_custom_modules
from mmroi.engine.feature_filling import FeatureCache, FeatureCacheOptions, check_space
from mmroi.engine.pipelines import read_crops, set_crops
from mmroi.fileio.downloads import locate
from mmroi.fileio.state_dicts import read_state_dict
from mmroi.geometry import MAX_ROIS
from mmroi.registry import DATASETS, MODELS

R = TypeVar('R', bound=Runner)


def cached_runner(kind: type[R], cfg: Config, splits: Sequence[str] = ('train', 'val')) -> R:
    """Build the runner of a config; with ``feature_cache``, its loaders read features from their caches.

    The config that the runner knows, and leaves in its work folder and checkpoints, stays as it is given: it
    names no folder of this machine and can be used elsewhere.

    Args:
        kind: MMEngine's ``Runner``, or a subclass.
        cfg: Config of a run.
        splits: As for :func:`use_feature_cache`.

    Returns:
        The runner.

    Raises:
        ImportError, OSError, ValueError: As :func:`use_feature_cache`.
    """
    parts = deepcopy(cfg)
    use_feature_cache(parts, splits)
    names = inspect.signature(Runner).parameters.keys() & parts.keys()
    return kind(**{name: parts[name] for name in names}, cfg=cfg)


def use_feature_cache(
    cfg: Config, splits: Sequence[str] = ('train', 'val'), progress: bool = True
) -> list[FeatureCache]:
    """Fill the caches of a run and let its loaders read them; without ``feature_cache``, do nothing.

    Each dataset of a mixture has its own cache. Of several processes, one fills and the others wait.

    Args:
        cfg: Config of a run, changed: ``feature_cache`` is removed.
        splits: Which loaders: ``'train'``, ``'val'``, ``'test'``.
        progress: Show progress bars on a terminal.

    Returns:
        The caches.

    Raises:
        ImportError: A module of ``custom_imports`` is missing.
        OSError: The disk is full; what has been computed stays.
        ValueError: The model does not allow it: the backbone is not frozen, or a part needs whole maps; or an
            option or the dataset does not fit.
    """
    given = cfg.pop('feature_cache', None)
    if given is None:
        return []
    options = FeatureCacheOptions.read(given)
    if options.compile:
        prepare_compiler(get_device())
    init_default_scope(cfg.get('default_scope', 'mmroi'))
    import_custom_modules(cfg)
    model = _build_model(cfg)
    caches = []
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if not loader:
            continue

        def read_from_cache(dataset: Any, variants: int = options.variants if split == 'train' else 1) -> Any:
            stored, read = deepcopy(dataset), {}
            if options.num_rois and not (crops := read_crops(dataset)).context_size:
                wanted = options.num_rois if crops.num_rois <= options.num_rois else MAX_ROIS
                if crops.num_rois < wanted:
                    set_crops(stored, num_rois=wanted)
                    read = dict(num_rois=crops.num_rois)
            cache = FeatureCache(model, stored, options, cfg.get('custom_imports'))
            caches.append((cache, variants))
            folder = str(cache.folder)
            return dict(type='CachedFeatures', dataset=stored, cache_dir=folder, variants=variants, **read)

        loader.dataset = _change_sets(loader.dataset, read_from_cache)
        # Features are read faster than workers could send them.
        loader.update(num_workers=0, persistent_workers=False, pin_memory=False)
        loader.pop('prefetch_factor', None)
    check_space(caches)
    for cache, variants in caches:
        cache.fill(variants, progress)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='FeatureCacheHook')]
    return [cache for cache, _ in caches]


def _build_model(cfg: Config) -> nn.Module:
    """Build the model with the weights with which the training starts."""
    config = cfg.model.module if 'module' in cfg.model else cfg.model  # such as of RefinedModel
    with _without_logs():
        model = MODELS.build(config)
        model.init_weights()
    if cfg.get('load_from'):
        model.load_state_dict(read_state_dict(locate(cfg.load_from)), strict=False)
    if not model.encoder.is_frozen:
        raise ValueError(
            'feature_cache: the encoder is not frozen, so its features change during the training: set '
            'model.encoder.frozen_stages=4 and model.encoder.norm_eval=True, or remove feature_cache'
        )
    if model.heatmap_head is not None or (model.head.needs_maps and not model.head.pools_maps):
        part = 'heatmap_head' if model.heatmap_head is not None else f'head ({type(model.head).__name__})'
        raise ValueError(
            f"feature_cache: the model's {part} needs whole feature maps, which are not cached; remove it or "
            'feature_cache'
        )
    return model.eval()


def _change_sets(config: Mapping[str, Any], change: Callable[[Any], Any]) -> Any:
    """Replace the configs of the datasets inside mixtures and MMEngine's wrappers; return a copy."""
    kind = config['type'] if isinstance(config['type'], type) else DATASETS.get(config['type'])
    if kind is None or not issubclass(kind, ConcatDataset | RepeatDataset | ClassBalancedDataset):
        return change(config)
    if not issubclass(kind, ConcatDataset):
        return dict(config, dataset=_change_sets(config['dataset'], change))
    if issubclass(kind, MixedDataset):
        config = MixedDataset.spell_out(config)
    return dict(config, datasets=[_change_sets(part, change) for part in config['datasets']])


@contextmanager
def _without_logs() -> Iterator[None]:
    """Silence MMEngine's list of all weights, which the training prints as well."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
