"""On what machine and at which state of the code something was measured."""

import os
import platform
from pathlib import Path

import torch
from mmengine.utils import get_git_hash


def describe_device() -> str:
    """Name of the GPU, or of the processor and its number of cores."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path('/proc/cpuinfo')
    lines = info.read_text(encoding='utf-8').splitlines() if info.is_file() else []
    model = next((line.partition(':')[2].strip() for line in lines if line.startswith('model name')),
                 platform.processor() or platform.machine())
    return f'{os.cpu_count()} cores of {model}'


def describe_code() -> str:
    """Version and commit."""
    from mmroi.version import __version__
    return f'mmroi {__version__}, commit {get_git_hash(fallback="unknown", digits=7)}'
