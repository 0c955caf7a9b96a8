"""Samplers."""

import math
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from torch.utils.data import Sampler

from mmroi.registry import DATA_SAMPLERS

# Minimum number of rows that one generator shuffles: small datasets would need many generators otherwise.
_BLOCK = 65536


@DATA_SAMPLERS.register_module()
class MixtureSampler(Sampler[int]):
    """Draw from several datasets in given ratios, a whole epoch at a time.

    Every epoch takes the same number of rows from each dataset: its share of the epoch, rounded by the
    largest remainder. A dataset is traversed in random order and reshuffled after its last row, so no row is
    repeated before all rows have been drawn, and an epoch continues where the previous one stopped. The
    position follows from the number of the epoch, so a resumed training needs no state of the sampler.
    Processes take every n-th row of the same draw, an equal number each.

    Args:
        dataset: ``MixedDataset`` or another ``ConcatDataset``.
        ratios: One positive number per dataset, in the order of ``dataset``. They need not sum to 1.
        epoch_size: Rows of an epoch over all processes, rounded up to a multiple of the number of processes.
            By default the total number of rows.
        seed: Seed, equal in all processes. By default drawn and shared; the runner passes its own.

    Raises:
        TypeError: ``dataset`` is not a concatenation.
        ValueError: ``ratios`` do not match the datasets, ``epoch_size`` is not positive, or a dataset is
            empty.
    """

    def __init__(
        self, dataset: Any, ratios: Sequence[float], epoch_size: int | None = None, seed: int | None = None
    ) -> None:
        if not hasattr(dataset, 'cumulative_sizes'):
            raise TypeError(
                'MixtureSampler draws from the sets of a MixedDataset, not from a '
                f'{type(dataset).__name__}: give it one, or use DefaultSampler'
            )
        self.names = [getattr(part, 'dataset_name', f'set {i}') for i, part in enumerate(dataset.datasets)]
        self.sizes = np.diff(dataset.cumulative_sizes, prepend=0).tolist()
        self.ratios = _checked_ratios(ratios, self.names)
        if 0 in self.sizes:
            raise ValueError(
                f'MixtureSampler: the set {self.names[self.sizes.index(0)]!r} has no rows. '
                'Take it and its ratio out of the mixture, or look why its rows were left out'
            )
        wanted = len(dataset) if epoch_size is None else epoch_size
        if wanted < 1:
            raise ValueError(f'MixtureSampler: epoch_size must be positive, got {epoch_size}')
        self.rank, self.world_size = get_dist_info()
        self.num_samples = math.ceil(wanted / self.world_size)
        self.counts = share_out(self.num_samples * self.world_size, self.ratios)
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        drawn = ', '.join(
            f'{count} of {size} rows of {name}'
            for name, size, count in zip(self.names, self.sizes, self.counts, strict=True)
        )
        print_log(f'An epoch of {sum(self.counts)} draws {drawn}', logger='current')

    def __iter__(self) -> Iterator[int]:
        """Iterate over the indices of this process and epoch."""
        offsets = np.cumsum([0, *self.sizes[:-1]])
        indices = np.concatenate([offset + self._rows(i) for i, offset in enumerate(offsets)])
        order = self._generator(len(self.sizes), self.epoch).permutation(indices)
        return iter(order[self.rank :: self.world_size].tolist())

    def __len__(self) -> int:
        """Return the number of indices per process."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the draw.

        Args:
            epoch: Number of the epoch, counting from 0.
        """
        self.epoch = epoch

    def _rows(self, i: int) -> np.ndarray:
        """Rows of dataset i in this epoch: a section of an endless sequence of shuffled blocks."""
        size, count = self.sizes[i], self.counts[i]
        first = self.epoch * count
        cycles = math.ceil(_BLOCK / size)
        block = cycles * size
        rows = [np.empty(0, np.int64)]
        for k in range(first // block, math.ceil((first + count) / block)):
            ordered = np.broadcast_to(np.arange(size), (cycles, size))
            rows.append(self._generator(i, k).permuted(ordered, axis=1).ravel())
        return np.concatenate(rows)[first % block :][:count]

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *key])


def share_out(total: int, ratios: Sequence[float]) -> list[int]:
    """Divide a total into integers in given ratios, by the largest remainder.

    Args:
        total: Sum of the integers.
        ratios: Positive numbers.

    Returns:
        One integer per ratio, which differs from its exact share by less than 1.
    """
    exact = total * np.asarray(ratios, np.float64) / np.sum(ratios)
    counts = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(counts - exact, kind='stable')
    counts[by_remainder[: total - counts.sum()]] += 1
    return counts.tolist()


def _checked_ratios(ratios: Sequence[float], names: Sequence[str]) -> list[float]:
    listed = isinstance(ratios, Sequence) and all(isinstance(r, Real) and 0 < r < math.inf for r in ratios)
    if not listed or len(ratios) != len(names):
        raise ValueError(
            f'MixtureSampler: ratios must be {len(names)} positive numbers, one for each of '
            f'{", ".join(names)}; got {ratios}'
        )
    return [float(ratio) for ratio in ratios]
