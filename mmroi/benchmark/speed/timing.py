"""Time of steps that take turns, and the machine they ran on."""

import datetime
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch

from mmroi.benchmark.machine import processor_name

Name = TypeVar('Name')
Turns = list[list[float]]  # seconds of each call of each turn


def synchronize(device: torch.device) -> None:
    """Wait until an accelerator has finished its work."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def timed(step: Callable[[], object], device: torch.device, clock: Callable[[], float]) -> float:
    """Return the seconds that a call takes by a clock."""
    synchronize(device)
    start = clock()
    step()
    synchronize(device)
    return clock() - start


def take_turns(
    steps: Mapping[Name, Callable[[], object]],
    device: torch.device,
    seconds: float,
    rounds: int,
    cpu_time: bool = False,
) -> dict[Name, Turns]:
    """Time steps in turns, so that other load on the machine affects all of them alike.

    Args:
        steps: Calls by name, already warmed up.
        device: Where they run.
        seconds: A turn ends with the first call that ends after this time.
        rounds: Number of turns of each step.
        cpu_time: Measure the CPU time of this process instead of wall time.

    Returns:
        For each name and turn, the seconds of each call.
    """
    clock = time.process_time if cpu_time else time.perf_counter
    turns: dict[Name, Turns] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            calls = [timed(step, device, clock)]
            while sum(calls) < seconds:
                calls.append(timed(step, device, clock))
            turns[name].append(calls)
    return turns


def typical(turns: Turns) -> float:
    """Return the seconds of a call: the median over turns of their mean."""
    return float(np.median([np.mean(calls) for calls in turns]))


def latency(turns: Turns) -> dict[str, float]:
    """Return percentiles over all calls in milliseconds: ``p50_ms`` and ``p95_ms``."""
    p50, p95 = np.percentile(np.concatenate(turns), (50, 95)) * 1e3
    return dict(p50_ms=float(p50), p95_ms=float(p95))


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Describe what figures depend on besides the code: date, hardware, threads, PyTorch and other load."""
    return dict(
        date=datetime.date.today().isoformat(),
        device=torch.cuda.get_device_name(device) if device.type == 'cuda' else 'CPU',
        cpu=processor_name(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        load_before=os.getloadavg()[0] if hasattr(os, 'getloadavg') else None,
        torch=torch.__version__,
    )
