"""Write checkpoints atomically, and let MMEngine load safetensors.

Importing this module registers a loader for ``.safetensors`` with MMEngine, so that all tools accept such
checkpoints.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmroi.fileio.atomic import atomic_write

SUFFIXES = ('.pth', '.safetensors')


def write_checkpoint(
    path: str | Path, state_dict: Mapping[str, Tensor], meta: Mapping[str, Any], with_hash: bool = False
) -> Path:
    """Write a checkpoint atomically.

    Args:
        path: File to write, ``.pth`` in MMEngine's format or ``.safetensors``. Its folder is created if
            missing.
        state_dict: Tensors by name.
        meta: Metadata by name. safetensors stores strings only, so other values are stored as JSON.
        with_hash: Append the first 8 digits of the file's SHA-256 to its name, as OpenMMLab does.

    Returns:
        The file that was written.

    Raises:
        ValueError: If the file name has another suffix.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f'a checkpoint must end in {" or ".join(SUFFIXES)}, not {path.name!r}')
    if path.suffix == '.safetensors':
        words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in meta.items()}
        tensors = {name: value.contiguous() for name, value in state_dict.items()}
        content = _sort_metadata(save(tensors, words))
    else:
        buffer = io.BytesIO()
        torch.save(dict(meta=dict(meta), state_dict=dict(state_dict)), buffer)
        content = buffer.getvalue()
    if with_hash:
        path = path.with_stem(f'{path.stem}-{hashlib.sha256(content).hexdigest()[:8]}')
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return path


def _sort_metadata(content: bytes) -> bytes:
    """Sort the metadata of a safetensors file, whose order is random: equal content has equal bytes."""
    end = 8 + int.from_bytes(content[:8], 'little')
    header = json.loads(content[8:end])
    header['__metadata__'] = dict(sorted(header.get('__metadata__', {}).items()))
    text = json.dumps(header, ensure_ascii=False, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    return len(text).to_bytes(8, 'little') + text + content[end:]


@CheckpointLoader.register_scheme(prefixes=r'(?!\w+://).*\.safetensors$')
def load_from_safetensors(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a safetensors file as a checkpoint of MMEngine.

    Args:
        filename: Path of the file.
        map_location: Device; by default the CPU.

    Returns:
        ``state_dict`` and ``meta``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is unreadable.
    """
    try:
        with safe_open(filename, framework='pt', device=str(map_location or 'cpu')) as file:
            state = {name: file.get_tensor(name) for name in file.keys()}
            return dict(meta=file.metadata() or {}, state_dict=state)
    except SafetensorError as error:
        raise ValueError(f'{filename} is not a safetensors file, or it is damaged: {error}') from error
