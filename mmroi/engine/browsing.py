"""Samples of a dataset for drawing: which people, and their frames."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmroi.datasets import CachedFeatures, MixedDataset, MixtureSampler, MultiRoICrop, PackHMRInputs
from mmroi.engine.pipelines import Pipeline, change_pipelines, is_step, set_crops


def keep_frames(config: Any) -> Any:
    """Change all pipelines of a dataset's config to keep the image and not to pack the sample.

    Args:
        config: Config of a dataset, which may contain others.

    Returns:
        A changed copy.
    """
    changed = _without_caches(copy.deepcopy(config))
    change_pipelines(changed, _without_packing)
    return changed


def _without_caches(config: Any) -> Any:
    if is_step(config, CachedFeatures):
        if config.get('num_rois'):
            set_crops(config['dataset'], num_rois=config['num_rois'])
        return _without_caches(config['dataset'])
    if isinstance(config, dict):
        return {key: _without_caches(value) for key, value in config.items()}
    return [_without_caches(value) for value in config] if isinstance(config, list) else config


def _without_packing(steps: Pipeline) -> Pipeline:
    return [
        dict(step, keep_img=True) if is_step(step, MultiRoICrop) else step
        for step in steps
        if not is_step(step, PackHMRInputs)
    ]


def choose_people(dataset: Any, sampler: dict[str, Any], num: int, seed: int) -> Sequence[int]:
    """Choose people of a dataset at random, from the parts of a mixture by the ratios of its sampler.

    Args:
        dataset: The dataset.
        sampler: Config of its sampler.
        num: Number of people; all of them if the dataset has fewer.
        seed: Seed of the choice.

    Returns:
        Indices into the dataset.
    """
    if isinstance(dataset, MixedDataset) and 'ratios' in sampler:
        return list(MixtureSampler(dataset, sampler['ratios'], epoch_size=num, seed=seed))
    return np.random.default_rng(seed).permutation(len(dataset))[:num].tolist()
