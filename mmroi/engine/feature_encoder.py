"""Runs the frozen encoder over samples, and writes shards of features."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings
from torch.utils.data import DataLoader

from mmroi.datasets.feature_shards import SHARD_SIZE, shard_path, write_shard
from mmroi.datasets.seeded_samples import SeededSamples
from mmroi.registry import DATASETS

_BATCH_SIZE = 8  # samples


class FeatureEncoder:
    """Encodes samples and writes shards; in this process, or pickled in others.

    Args:
        model: A ``MeshEstimator`` with its weights.
        dataset: Config of the dataset.
        precision: ``'float32'``, or ``'bfloat16'`` to run the backbone under autocast.
        storage: Type of the features: ``'float16'`` or ``'float32'``.
        seed: Seed of the augmentations.
        custom_imports: As in a config, for other processes.
    """

    def __init__(
        self,
        model: Any,
        dataset: Mapping[str, Any],
        precision: str,
        storage: str,
        seed: int,
        custom_imports: Mapping[str, Any],
    ) -> None:
        self.encoder, self.preprocessor = model.encoder, model.data_preprocessor
        self.precision, self.storage, self.seed = precision, storage, seed
        self.dataset_config, self.custom_imports = dict(dataset), dict(custom_imports)

    def start(self) -> None:
        """Prepare a process of its own."""
        torch.set_num_threads(1)
        init_default_scope('mmroi')
        if self.custom_imports:
            import_modules_from_strings(**self.custom_imports)
        self.dataset = DATASETS.build(self.dataset_config)

    @torch.inference_mode()
    def encode(
        self, dataset: Any, items: Sequence[tuple[int, int]], loaders: int = 0
    ) -> Iterator[tuple[list[np.ndarray], list[Any]]]:
        """Yield the features (B, M, C, h, w) of each map, and the samples, of batches."""
        device = get_device()
        self.encoder.to(device)
        self.preprocessor.to(device)
        loader = DataLoader(
            SeededSamples(dataset, items, self.seed),
            _BATCH_SIZE,
            num_workers=loaders,
            collate_fn=pseudo_collate,
        )
        for batch in loader:
            samples = batch['data_samples']
            crops = self.preprocessor.normalize(torch.stack(batch['inputs']).to(device))
            low = self.precision == 'bfloat16'
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=low):
                maps = self.encoder.extract_maps(crops)
            maps = [m.unflatten(0, crops.shape[:2]) for m in self.encoder.reduce_maps(maps)]
            storage = getattr(torch, self.storage)
            yield [m.to(storage).cpu().numpy() for m in maps], samples

    def fill_all(
        self, jobs: Sequence[tuple[Path, int, int, int]], dataset: Any, loaders: int
    ) -> Iterator[int]:
        """Fill shards in this process, the images being read by others."""
        items = [(shard * SHARD_SIZE + i, variant) for _, variant, shard, size in jobs for i in range(size)]
        encoded = self._one_by_one(self.encode(dataset, items, loaders if loaders > 1 else 0))
        for folder, variant, shard, size in jobs:
            self._write(shard_path(folder, variant, shard), list(islice(encoded, size)))
            yield size

    def fill(self, folder: Path, variant: int, shard: int, size: int) -> int:
        """Fill one shard in a process of its own."""
        items = [(shard * SHARD_SIZE + i, variant) for i in range(size)]
        encoded = self._one_by_one(self.encode(self.dataset, items))
        self._write(shard_path(folder, variant, shard), list(encoded))
        return size

    @staticmethod
    def _one_by_one(batches: Any) -> Iterator[tuple[list[np.ndarray], Any]]:
        for maps, samples in batches:
            for i, sample in enumerate(samples):
                yield [m[i] for m in maps], sample

    @staticmethod
    def _write(path: Path, encoded: Sequence[tuple[list[np.ndarray], Any]]) -> None:
        maps = [np.stack(arrays) for arrays in zip(*(features for features, _ in encoded), strict=True)]
        write_shard(path, maps, [sample for _, sample in encoded])


_encoder: FeatureEncoder


def start_process(encoder: FeatureEncoder) -> None:
    """Prepare a process for :func:`fill_shard`."""
    global _encoder
    _encoder = encoder
    _encoder.start()


def fill_shard(folder: Path, variant: int, shard: int, size: int) -> int:
    """Fill a shard and return its number of samples."""
    return _encoder.fill(folder, variant, shard, size)
