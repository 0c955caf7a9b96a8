import random

import numpy as np
import torch

from mmroi.datasets.seeded_samples import SeededSamples, seeded


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


class Noise:
    def __getitem__(self, index):
        return index, *draw()


def test_variants_depend_on_seed_sample_and_variant_alone():
    samples = SeededSamples(Noise(), [(3, 0), (3, 1), (4, 0)], seed=1)
    first = [samples[i] for i in range(3)]
    draw()
    assert [samples[i] for i in range(3)] == first
    assert SeededSamples(Noise(), [(4, 0)], seed=1)[0] == first[2]
    other = SeededSamples(Noise(), [(3, 0)], seed=2)[0]
    assert len({value for sample in [*first, other] for value in sample[1:]}) == 12


def test_the_generators_are_restored():
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    expected = draw()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    with seeded(1, 2):
        inside = draw()
    assert draw() == expected
    with seeded(1, 2):
        assert draw() == inside
