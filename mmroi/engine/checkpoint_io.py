"""Reads the weights of a checkpoint in any container without running its code, and writes checkpoints whole.

MMEngine loads what ``torch.save`` has written. Importing this module lets it load safetensors as well, so
that ``tools/test.py``, ``tools/train.py`` and ``init_cfg=dict(type='Pretrained', ...)`` take both.
"""
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mmroi.compat import safe_globals

SUFFIXES = ('.pth', '.safetensors')
# Where projects keep the weights: MMEngine, and SPIN with its descendants.
STATE_DICT_KEYS = ('state_dict', 'model')


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the weights alone, without running any code that the file may hold.

    Args:
        path: Either container of ``torch.save``, or safetensors; which of them is seen from the content. In
            the first two a plain state dict, or a dict with one under ``state_dict`` or ``model``.

    Returns:
        Tensors on the CPU by name, without the ``module.`` that data parallel training puts before them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is unreadable, would run code, or holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    if _is_safetensors(path):
        content: Any = load_from_safetensors(str(path))
    else:
        safe_globals.install()
        try:
            content = torch.load(path, map_location='cpu', weights_only=True)
        # Pickles that are broken in odd ways raise whatever the broken bytes led to.
        except Exception as error:
            raise ValueError(
                f'{path} is not a checkpoint that can be read safely (weights only): {_reason(error)}'
            ) from error
    state = content
    if isinstance(content, Mapping):
        state = next((content[key] for key in STATE_DICT_KEYS if key in content), content)
    if not isinstance(state, Mapping) or not state or not all(
            isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()):
        found = sorted(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(f'{path} holds no state dict; its content is {found}')
    prefix = 'module.' if all(name.startswith('module.') for name in state) else ''
    return {name.removeprefix(prefix): value for name, value in state.items()}


def write_checkpoint(path: str | Path, state_dict: Mapping[str, Tensor], meta: Mapping[str, str]) -> None:
    """Write a checkpoint so that a reader sees the old file or the whole new one, never a part.

    Args:
        path: ``.pth`` as MMEngine writes it, or ``.safetensors``; its folder is made if missing.
        state_dict: Tensors by name.
        meta: What to remember of the origin, strings by name.

    Raises:
        ValueError: If the name ends otherwise.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f'a checkpoint must end in {" or ".join(SUFFIXES)}, not {path.name!r}')
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        if path.suffix == '.safetensors':
            save_file({name: value.contiguous() for name, value in state_dict.items()}, temporary, dict(meta))
        else:
            torch.save(dict(meta=dict(meta), state_dict=dict(state_dict)), temporary)
        os.replace(temporary, path)


@CheckpointLoader.register_scheme(prefixes=r'(?!\w+://).*\.safetensors$')
def load_from_safetensors(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a safetensors file in the form of MMEngine's checkpoints.

    Args:
        filename: Path of the file.
        map_location: Device, None for the CPU.

    Returns:
        ``state_dict`` and ``meta``.

    Raises:
        ValueError: If the file is unreadable.
    """
    try:
        with safe_open(filename, framework='pt', device=str(map_location or 'cpu')) as file:
            return dict(meta=file.metadata() or {}, state_dict={name: file.get_tensor(name)
                                                                for name in file.keys()})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f'{filename} is not a safetensors file that can be read: {error}') from error


def _is_safetensors(path: Path) -> bool:
    """Whether a JSON header follows its length, as in safetensors, and in neither container of torch."""
    with path.open('rb') as file:
        return file.read(9)[8:] == b'{'


def _reason(error: Exception) -> str:
    """What is wrong, without torch's long advice, part of which is to trust the file."""
    match = re.search(r'GLOBAL (\S+)', str(error))
    return f'it refers to {match[1]}' if match else 'it is truncated, damaged or of another format'
