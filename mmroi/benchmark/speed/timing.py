"""Time of steps that take turns, the memory they take, and the machine they ran on."""

import ctypes
import datetime
import os
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mmroi.benchmark.machine import cpu_name

STATUS, CLEAR_REFS = Path('/proc/self/status'), Path('/proc/self/clear_refs')


def synchronize(device: torch.device) -> None:
    """Wait until an accelerator has done what it was given."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def timed(step: Callable[[], object], device: torch.device, clock: Callable[[], float]) -> float:
    """Seconds of a call."""
    synchronize(device)
    start = clock()
    step()
    synchronize(device)
    return clock() - start


def take_turns(
    steps: Mapping[Hashable, Callable[[], object]],
    device: torch.device,
    seconds: float,
    rounds: int,
    cpu_time: bool = False,
) -> dict[Any, list[list[float]]]:
    """Times steps in turns, so that what else the machine does hits all of them alike.

    Args:
        steps: What to time, by name; the caller has warmed them up.
        device: Where they run.
        seconds: A turn ends with the first call that ends after this time.
        rounds: Number of turns of each.
        cpu_time: Count the CPU time of this process instead of the time that passes.

    Returns:
        For each name and turn, the seconds of each call.
    """
    clock = time.process_time if cpu_time else time.perf_counter
    turns: dict[Any, list[list[float]]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            calls = [timed(step, device, clock)]
            while sum(calls) < seconds:
                calls.append(timed(step, device, clock))
            turns[name].append(calls)
    return turns


def typical(turns: list[list[float]]) -> float:
    """Seconds of a call: the median turn's mean."""
    return float(np.median([np.mean(calls) for calls in turns]))


def latency(turns: list[list[float]]) -> dict[str, float]:
    """Percentiles over all calls, milliseconds."""
    p50, p95 = np.percentile(np.concatenate(turns), (50, 95)) * 1e3
    return dict(p50_ms=float(p50), p95_ms=float(p95))


def step_memory(step: Callable[[], object], device: torch.device) -> float | None:
    """Memory that a call takes at its peak on top of what is held before it.

    On a GPU, what torch allocates. On a CPU, resident memory of the process (Linux with glibc): memory that
    the allocator keeps for later is given back first, and the kernel's high-water mark is reset.

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
    except (AttributeError, OSError):  # no glibc, no Linux
        return None
    before = _status('VmRSS')
    step()
    return _status('VmHWM') - before


def _status(key: str) -> float:
    lines = dict(line.split(':', 1) for line in STATUS.read_text().splitlines() if ':' in line)
    return int(lines[key].split()[0]) / 1024


def held_memory(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> float:
    """MiB of a model's weights and buffers, and of its optimizer's state."""
    tensors = [*model.parameters(), *model.buffers()]
    if optimizer is not None:
        state = (value for values in optimizer.state.values() for value in values.values())
        tensors += [value for value in state if isinstance(value, torch.Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 2**20


def describe_machine(device: torch.device) -> dict[str, Any]:
    """What a figure depends on beside the code: date, hardware, threads, versions, other load."""
    load = os.getloadavg()[0] if hasattr(os, 'getloadavg') else None
    return dict(
        date=datetime.date.today().isoformat(),
        device=torch.cuda.get_device_name(device) if device.type == 'cuda' else 'CPU',
        cpu=cpu_name(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        load_before=load,
        torch=torch.__version__,
    )
