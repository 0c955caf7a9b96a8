from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmroi.benchmark.speed.memory import held_memory, process_memory, step_memory

linux = pytest.mark.skipif(not Path('/proc/self/smaps_rollup').exists(), reason='reads /proc of Linux')


@linux
def test_peak_of_a_step_that_keeps_nothing():
    peak = step_memory(lambda: np.ones(8 * 2**20).sum(), torch.device('cpu'))  # 64 MiB
    assert peak == pytest.approx(64, abs=8)


@linux
def test_memory_of_the_process_by_both_files():
    assert process_memory('VmRSS') == pytest.approx(process_memory('Rss'), rel=0.2)


def test_held_memory_counts_weights_buffers_and_the_optimizer_state():
    model = nn.BatchNorm1d(2**18)  # weight, bias, mean and variance of 1 MiB each, and a counter of 8 bytes
    assert held_memory(model) == pytest.approx(4, abs=1e-4)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 2**18)).sum().backward()
    optimizer.step()
    assert held_memory(model, optimizer) == pytest.approx(4 + 4, abs=1e-4)  # two moments of weight and bias
