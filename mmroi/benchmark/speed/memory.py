"""Memory that a step takes and that a process holds."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from mmroi.benchmark.speed.timing import synchronize

STATUS, SMAPS = Path('/proc/self/status'), Path('/proc/self/smaps_rollup')
CLEAR_REFS = Path('/proc/self/clear_refs')


def step_memory(step: Callable[[], object], device: torch.device) -> float | None:
    """Measure the peak memory that a call takes on top of what is held before it.

    On a GPU this is what torch allocates. On a CPU it is resident memory of the process (Linux with glibc):
    first, memory that the allocator keeps for later is released and the kernel's high-water mark is reset.

    Args:
        step: The call.
        device: Where it runs.

    Returns:
        MiB; None where it cannot be measured.
    """
    if device.type == 'cuda':
        synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    try:
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR_REFS.write_text('5')
    except (AttributeError, OSError):  # no glibc or no Linux
        return None
    resident = process_memory('VmRSS')
    step()
    return process_memory('VmHWM') - resident


def process_memory(key: str) -> float:
    """Read a figure of this process from ``/proc`` (Linux).

    Args:
        key: Line of ``/proc/self/smaps_rollup`` (``Rss``, ``Pss``, ``Anonymous``) or of ``/proc/self/status``
            (``VmRSS``, ``VmHWM``).

    Returns:
        MiB.
    """
    path = STATUS if key.startswith('Vm') else SMAPS
    lines = dict(line.split(':', 1) for line in path.read_text().splitlines() if ':' in line)
    return int(lines[key].split()[0]) / 1024


def held_memory(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> float:
    """Return the MiB of a model's weights and buffers and of its optimizer's state."""
    tensors = [*model.parameters(), *model.buffers()]
    if optimizer is not None:
        state = (value for values in optimizer.state.values() for value in values.values())
        tensors += [value for value in state if isinstance(value, torch.Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 2**20
