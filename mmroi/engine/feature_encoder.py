"""Runs the frozen encoder over samples, and writes shards of features."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmroi.datasets.feature_shards import pack_records, write_shard
from mmroi.datasets.seeded_samples import SeededSamples
from mmroi.engine.custom_imports import import_custom_modules
from mmroi.models.estimators.views_and_labels import stack_views
from mmroi.registry import DATASETS
from mmroi.utils.allocator import keep_freed_memory

# Samples. On a CPU larger batches are slower.
_BATCH_SIZES = {'cpu': 2}
_BATCH_SIZE = 16


class Job(NamedTuple):
    """A shard to fill.

    Attributes:
        path: The file.
        variant: Index of the variant.
        indices: Indices of the samples.
    """

    path: Path
    variant: int
    indices: range


class FeatureEncoder:
    """Encodes samples and writes shards; in this process, or pickled in others.

    Args:
        model: A ``MeshEstimator`` with its weights.
        dataset: Config of the dataset.
        options: ``FeatureCacheOptions``.
        custom_imports: As in a config, for other processes.
    """

    def __init__(
        self, model: Any, dataset: Mapping[str, Any], options: Any, custom_imports: Mapping[str, Any]
    ) -> None:
        self.encoder, self.preprocessor, self.options = model.encoder, model.data_preprocessor, options
        self.dataset_config, self.custom_imports = dict(dataset), dict(custom_imports)
        self._head_name = type(model.head).__name__ if model.head.pools_maps else ''
        self._backbone: Any = None

    def start(self) -> None:
        """Prepare a process of its own."""
        torch.set_num_threads(1)
        keep_freed_memory()
        init_default_scope('mmroi')
        import_custom_modules(dict(custom_imports=self.custom_imports))
        self.dataset = DATASETS.build(self.dataset_config)
        self.compile()

    def compile(self) -> None:
        """Compile the backbone if the options ask for it: a minute, or seconds if it was compiled before."""
        if self.options.compile:
            # Weights are constants: folded, and in the layout that the convolutions want.
            self._backbone = torch.compile(self.encoder.backbone, dynamic=False, options={'freezing': True})

    @torch.inference_mode()
    def encode(
        self, dataset: Any, items: Sequence[tuple[int, int]], loaders: int = 0
    ) -> Iterator[tuple[list[np.ndarray], list[Any]]]:
        """Encode samples in batches.

        Args:
            dataset: The dataset.
            items: Indices of samples, and of their variants.
            loaders: Number of processes that read the images; 0 for this one.

        Yields:
            The features (B, M, C, h, w) of each map, and B samples.

        Raises:
            ValueError: Features are too large for the type in which they are stored; or what is stored of the
                last map has another mean, which the head takes.
        """
        device = get_device()
        self.encoder.to(device)
        self.preprocessor.to(device)
        loader = DataLoader(
            SeededSamples(dataset, items, self.options.seed),
            _batch_size(),
            num_workers=loaders,
            collate_fn=pseudo_collate,
        )
        for batch in loader:
            samples = batch['data_samples']
            crops = self.preprocessor.normalize(torch.stack(batch['inputs']).to(device))
            low = self.options.precision == 'bfloat16'
            boxes = stack_views(samples, crops).boxes
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=low):
                maps = self._extract_maps(crops, boxes)
            stored = self.encoder.reduce_maps(maps)
            self._check_mean(maps[-1], stored[-1])
            maps = [m.unflatten(0, boxes.shape[:2]) for m in stored]
            maps = [m.to(getattr(torch, self.options.storage)).cpu() for m in maps]
            if not all(m.isfinite().all() for m in maps):
                raise ValueError(
                    f'feature_cache: the backbone gives features that are not finite in '
                    f'{self.options.storage}, such as those of {samples[0].get("img_path")}: set '
                    "feature_cache.storage='float32', or check the backbone's weights"
                )
            yield [m.numpy() for m in maps], samples

    def _check_mean(self, whole: torch.Tensor, stored: torch.Tensor) -> None:
        """Check that a head that takes the mean of the last map can take it of what is stored."""
        if not self._head_name:
            return
        one, other = (m.float().mean((-2, -1)) for m in (whole, stored))
        if not torch.allclose(one, other, rtol=1e-3, atol=1e-3 * float(one.abs().max())):
            raise ValueError(
                f'feature_cache: {self._head_name} takes the mean of the last map, but what '
                f'{type(self.encoder.neck).__name__} keeps of its {whole.shape[-2]}x{whole.shape[-1]} '
                'cells has another: let the grid of the neck divide them, or remove feature_cache'
            )

    def _extract_maps(self, crops: torch.Tensor, boxes: torch.Tensor) -> Sequence[torch.Tensor]:
        """Compute the maps; of batches that are not full by the backbone as it is, not compiled for them."""
        if self._backbone is None or len(crops) < _batch_size():
            return self.encoder.extract_maps(crops, boxes)
        eager, self.encoder.backbone = self.encoder.backbone, self._backbone
        try:
            with torch.inference_mode(False), torch.no_grad():  # which compiled code cannot run in
                return self.encoder.extract_maps(crops.clone(), boxes)
        finally:
            self.encoder.backbone = eager

    def fill_all(self, jobs: Sequence[Job], dataset: Any, loaders: int) -> Iterator[int]:
        """Fill shards in this process, the images being read by others; yield their sizes."""
        self.compile()
        items = [(index, job.variant) for job in jobs for index in job.indices]
        encoded = self._one_by_one(self.encode(dataset, items, loaders if loaders > 1 else 0))
        for job in jobs:
            self._write(job.path, list(islice(encoded, len(job.indices))), dataset.data_root)
            yield len(job.indices)

    def fill(self, job: Job) -> int:
        """Fill one shard in a process of its own; return its size."""
        items = [(index, job.variant) for index in job.indices]
        encoded = self._one_by_one(self.encode(self.dataset, items))
        self._write(job.path, list(encoded), self.dataset.data_root)
        return len(job.indices)

    @staticmethod
    def _one_by_one(batches: Any) -> Iterator[tuple[list[np.ndarray], Any]]:
        for maps, samples in batches:
            for i, sample in enumerate(samples):
                yield [m[i] for m in maps], sample

    @staticmethod
    def _write(path: Path, encoded: Sequence[tuple[list[np.ndarray], Any]], root: str) -> None:
        features, samples = zip(*encoded, strict=True)
        write_shard(path, pack_records(features, samples, root))


def _batch_size() -> int:
    return _BATCH_SIZES.get(get_device(), _BATCH_SIZE)


_encoder: FeatureEncoder


def start_process(encoder: FeatureEncoder) -> None:
    """Prepare a process for :func:`fill_shard`."""
    global _encoder
    _encoder = encoder
    _encoder.start()


def fill_shard(job: Job) -> int:
    """Fill a shard and return its number of samples."""
    return _encoder.fill(job)
