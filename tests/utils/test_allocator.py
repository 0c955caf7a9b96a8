"""Settings of the allocator."""

import resource
import sys

import pytest
import torch

from mmroi.utils.allocator import keep_freed_memory


def test_freed_memory_stays_with_the_process():
    if not sys.platform.startswith('linux'):
        pytest.skip('mallopt is of glibc')
    assert keep_freed_memory()
    torch.ones(2**22)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**22)  # 4096 pages each
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 2 * 4096


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert not keep_freed_memory()
