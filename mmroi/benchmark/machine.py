"""The machine and the state of the code that something was measured with."""

import os
import platform
import subprocess
from pathlib import Path

import torch

from mmroi.version import __version__


def describe_device() -> str:
    """Return the name of the GPU, or of the processor with its number of cores."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f'{os.cpu_count()} cores of {processor_name()}'


def processor_name() -> str:
    """Return the processor's model name."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text(encoding='utf-8').splitlines() if info.is_file() else []
    return next(
        (line.partition(':')[2].strip() for line in lines if line.startswith('model name')),
        platform.processor() or platform.machine(),
    )


def describe_code() -> str:
    """Return version and commit, and whether files differ from it."""
    command = ['git', '-C', str(Path(__file__).parent), 'describe', '--always', '--dirty', '--exclude', '*']
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = 'unknown'
    return f'mmroi {__version__}, commit {commit}'
