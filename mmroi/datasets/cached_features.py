"""A dataset of features that a frozen encoder has computed before the training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset

from mmroi.datasets.feature_shards import SHARD_SIZE, Shard, shard_path
from mmroi.registry import DATASETS

META_FILE = 'cache.json'


@DATASETS.register_module()
class CachedFeatures(Dataset[dict[str, Any]]):
    """Gives, for each sample of another dataset, features of its crops instead of the crops.

    Of each sample there are ``variants`` random augmentations, of which a training draws one; in test mode it
    is the first. ``mmroi.engine.feature_cache`` fills the cache and writes this dataset into configs with
    ``feature_cache``.

    What it does not define itself, it takes from the other dataset.

    Args:
        dataset: The other dataset, or its config.
        cache_dir: Folder of the cache.
        variants: Number of augmentations of each sample to use.
        num_rois: M, if the cache has more RoIs: the first of them are used.

    Attributes:
        dataset: The other dataset.
        meta: What the features depend on, as written by the filling.

    Raises:
        FileNotFoundError: The cache does not exist or lacks samples.
        ValueError: The cache has another number of samples than the dataset.
    """

    def __init__(
        self,
        dataset: dict[str, Any] | BaseDataset,
        cache_dir: str,
        variants: int = 1,
        num_rois: int | None = None,
    ) -> None:
        self.dataset: Any = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.cache_dir, self.variants, self.num_rois = Path(cache_dir), variants, num_rois
        self._shards: dict[Path, Shard] = {}
        try:
            self.meta: dict[str, Any] = json.loads((self.cache_dir / META_FILE).read_text())
        except OSError:
            raise FileNotFoundError(
                f'{self.cache_dir} is no feature cache: train with feature_cache in the config, or '
                '--cache-features, which fills it'
            ) from None
        if self.meta['num_samples'] != len(self.dataset):
            raise ValueError(
                f'{self.cache_dir} has the features of {self.meta["num_samples"]} samples, the dataset has '
                f'{len(self.dataset)}; fill the cache again'
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
        random = self.variants > 1 and not getattr(self.dataset, 'test_mode', False)
        return self.get_variant(index, np.random.randint(self.variants) if random else 0)

    def get_variant(self, index: int, variant: int) -> dict[str, Any]:
        """Return a certain variant of a sample.

        Args:
            index: Index of the sample.
            variant: Index of the variant.

        Returns:
            As ``__getitem__``.
        """
        index = index if index >= 0 else len(self) + index
        path = shard_path(self.cache_dir, variant, index // SHARD_SIZE)
        if path not in self._shards:
            self._shards[path] = self._open(path)
        features, sample = self._shards[path].get(index % SHARD_SIZE, self.num_rois)
        return dict(features=[torch.from_numpy(feature) for feature in features], data_samples=sample)

    def _open(self, path: Path) -> Shard:
        try:
            return Shard(path)
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise FileNotFoundError(
                f'{path}.npz is missing or damaged ({error}): delete it and fill the cache again'
            ) from error
