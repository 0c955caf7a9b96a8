"""Settings of the allocator."""

import resource
import sys

import pytest
import torch

from mmroi.utils.allocator import keep_freed_memory


@pytest.mark.parametrize('size', [22, 25])  # 16 and 128 MiB
def test_freed_memory_stays_with_the_process(size):
    if not sys.platform.startswith('linux'):
        pytest.skip('mallopt is of glibc')
    assert keep_freed_memory()
    for _ in range(10):  # until the heap has a place for it
        torch.ones(2**size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**size)
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 5 * 2**size * 4 / resource.getpagesize()
    )


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert not keep_freed_memory()
