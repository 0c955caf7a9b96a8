"""Samples whose random augmentation depends on a seed and their rows, not on the process that makes them."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset


class SeededSamples(Dataset[Any]):
    """Variants of samples, each with its own random seed.

    Args:
        dataset: A dataset whose transforms draw from the global generators.
        items: Indices of samples, and of their variants.
        seed: Seed of all.
    """

    def __init__(self, dataset: Any, items: Sequence[tuple[int, int]], seed: int = 0) -> None:
        self.dataset, self.items, self.seed = dataset, items, seed

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: int) -> Any:
        """Return the sample and variant of an item."""
        index, variant = self.items[position]
        with seeded(self.seed, variant, index):
            return self.dataset[index]


class SeededBatches:
    """Mixin of datasets: random transforms depend on a seed and the rows of the batch, or the row, alone.

    ``DataLoader`` asks for whole batches by ``__getitems__``. Then the number of loader workers, or none,
    does not change the samples. Two batches of an epoch differ in their rows, so a row that is drawn twice
    is augmented in two ways. In a test each person is seen in one way, whatever the batch.

    Attributes:
        batch_seed: Set by ``EpochSeedHook`` for each epoch of a training; None leaves the random state as it
            is.
        sample_seed: Set by ``EpochSeedHook`` for tests, and then used instead: as of :class:`SeededSamples`.
    """

    batch_seed: tuple[int, ...] | None = None
    sample_seed: int | None = None

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the samples of a batch."""
        samples: Any = self
        if self.sample_seed is not None:
            samples = SeededSamples(self, [(int(index), 0) for index in indices], self.sample_seed)
            return [samples[position] for position in range(len(indices))]
        if self.batch_seed is None:
            return [samples[index] for index in indices]
        with seeded(*self.batch_seed, *map(int, indices)):
            return [samples[index] for index in indices]


@contextmanager
def seeded(*seed: int) -> Iterator[None]:
    """Seed Python, NumPy and PyTorch on the CPU by a few numbers, and restore their states afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    mixed = int(np.random.SeedSequence(seed).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)
    torch.default_generator.manual_seed(mixed)  # torch.manual_seed would seed the GPU, too
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
