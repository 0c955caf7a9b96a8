"""Samples whose random augmentation depends on the sample and a seed alone."""

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


@contextmanager
def seeded(*seed: int) -> Iterator[None]:
    """Seed Python, NumPy and PyTorch by a few numbers, and restore their states afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    mixed = int(np.random.SeedSequence(seed).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)
    torch.manual_seed(mixed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
