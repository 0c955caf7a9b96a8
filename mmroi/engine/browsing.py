"""Samples of a dataset for drawing: which people, and their frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmroi.datasets import MixedDataset, MixtureSampler


def keep_frames(config: Any) -> Any:
    """Change all pipelines of a dataset's config to keep the image and not to pack the sample.

    Args:
        config: Config of a dataset, which may contain others.

    Returns:
        A changed copy.
    """
    if isinstance(config, dict):
        changed = {key: keep_frames(value) for key, value in config.items()}
        if _type(config) == 'MultiRoICrop':
            changed['keep_img'] = True
        return changed
    if isinstance(config, list | tuple):
        return [keep_frames(value) for value in config if _type(value) != 'PackHMRInputs']
    return config


def _type(config: Any) -> str:
    return str(config.get('type', '')).rpartition('.')[2] if isinstance(config, dict) else ''


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
