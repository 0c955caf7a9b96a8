"""A dataset of features that a frozen encoder has computed before the training."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from torch.utils.data import Dataset

from mmroi.datasets.dataset_state import describe_dataset, find_differences
from mmroi.datasets.feature_shards import DAMAGED, SHARD_SIZE, Shard, shard_path
from mmroi.datasets.seeded_samples import SeededBatches
from mmroi.fileio.ownership import is_own
from mmroi.registry import DATASETS, TRANSFORMS
from mmroi.structures import HMRDataSample

META_FILE = 'cache.json'
_PER_ROI = ('boxes', 'crop_matrices')  # metainfo with a row for each RoI


@DATASETS.register_module()
class CachedFeatures(SeededBatches, Dataset[dict[str, Any]]):
    """Gives, for each sample of another dataset, features of its crops instead of the crops.

    Of each sample there are ``variants`` random augmentations, of which a training draws one; in test mode it
    is the first. ``mmroi.engine.feature_cache`` fills the cache and puts this dataset into the loaders of
    configs with ``feature_cache``. Transforms of the other dataset that change only metainfo are applied to
    what is stored (:func:`split_pipeline`).

    What it does not define itself, it takes from the other dataset.

    Args:
        dataset: Config of the other dataset, a ``BaseDataset``.
        cache_dir: Folder of the cache.
        variants: Number of augmentations of each sample to use.
        num_rois: M, if the cache has more RoIs: the first of them are used.

    Attributes:
        dataset: The other dataset, without the transforms that change only metainfo.
        meta: What the features depend on, as written by the filling.

    Raises:
        FileNotFoundError: The cache does not exist.
        ValueError: The cache was filled from another dataset: says what differs.
    """

    def __init__(
        self, dataset: dict[str, Any], cache_dir: str, variants: int = 1, num_rois: int | None = None
    ) -> None:
        stored, changes = split_pipeline(dataset)
        self.dataset: Any = DATASETS.build(stored)
        self._changes = [TRANSFORMS.build(step) for step in changes]
        self.cache_dir, self.variants, self.num_rois = Path(cache_dir), variants, num_rois
        self._shards: dict[Path, Shard] = {}
        try:
            self.meta: dict[str, Any] = json.loads((self.cache_dir / META_FILE).read_text())
        except (OSError, ValueError):
            raise FileNotFoundError(
                f'{self.cache_dir} is no feature cache, or {META_FILE} in it is damaged: train with '
                'feature_cache in the config, or --cache-features, which fills it'
            ) from None
        if not is_own(self.cache_dir, Path(self.dataset.ann_file)):
            print_log(
                f'{self.cache_dir} belongs to another user, or everyone may write to it: if you do not trust '
                'them, set feature_cache.cache_dir to a folder of your own',
                'current',
                logging.WARNING,
            )
        state = describe_dataset(self.dataset, stored)
        if differing := find_differences({key: self.meta.get(key) for key in state}, state):
            raise ValueError(
                f'{self.cache_dir} has the features of other data, which differ in {", ".join(differing)}: '
                'train with feature_cache in the config, or --cache-features, which fills another cache'
            )

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'dataset':
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a random variant of a sample.

        Args:
            index: Index of the sample.

        Returns:
            ``features``: for each map of the encoder float16 or float32 (M, C, h, w); ``data_samples``: as
            packed by the pipeline of the dataset.
        """
        random = self.variants > 1 and not self.dataset.test_mode
        return self.get_variant(index, np.random.randint(self.variants) if random else 0)

    def get_variant(self, index: int, variant: int) -> dict[str, Any]:
        """Return a certain variant of a sample.

        Args:
            index: Index of the sample.
            variant: Index of the variant.

        Returns:
            As ``__getitem__``.

        Raises:
            FileNotFoundError: A file is missing or damaged.
        """
        shard, position = divmod(range(len(self))[index], SHARD_SIZE)
        path = shard_path(self.cache_dir, variant, shard)
        try:
            if path not in self._shards:
                self._shards[path] = Shard(path, self.dataset.data_root)
            maps, labels, meta = self._shards[path][position]
        except DAMAGED as error:
            with suppress(OSError):  # else it would be taken for complete again
                path.unlink(missing_ok=True)
            remedy = 'delete it and start' if path.exists() else 'start'
            raise FileNotFoundError(
                f'{path} is missing or damaged ({error}): {remedy} the training again with feature_cache, '
                'which computes it'
            ) from error
        maps = [array[: self.num_rois] for array in maps]
        meta.update({key: meta[key][: self.num_rois] for key in _PER_ROI if key in meta})
        for change in self._changes:
            meta = change(meta)
        sample, instances = HMRDataSample(), InstanceData()
        for key, value in meta.items():
            sample.set_field(value, key, field_type='metainfo')
        for key, value in labels.items():
            instances.set_field(value, key)  # as in setattr, but without comparing all lengths
        sample.gt_instances = instances
        return dict(features=[torch.from_numpy(m).permute(0, 3, 1, 2) for m in maps], data_samples=sample)


def split_pipeline(dataset: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Separate what features and labels depend on from what changes only metainfo, such as the focal length.

    Datasets that differ in the latter alone share a cache. These transforms are not random, and no other
    transform reads what they change, so they may as well come last; their class says ``metainfo_only``.

    Args:
        dataset: Config of a dataset.

    Returns:
        Its config without the transforms that change only metainfo, and these.
    """
    stored: list[dict[str, Any]] = []
    apart: list[dict[str, Any]] = []
    for step in dataset.get('pipeline') or ():
        (apart if _changes_metainfo_only(step) else stored).append(step)
    return (dict(dataset, pipeline=stored) if apart else dict(dataset)), apart


def _changes_metainfo_only(step: Any) -> bool:
    kind = step.get('type') if isinstance(step, Mapping) else None
    return getattr(TRANSFORMS.get(kind) if isinstance(kind, str) else kind, 'metainfo_only', False)
