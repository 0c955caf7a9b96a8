"""Write checkpoints atomically, and let MMEngine read them as data.

Importing this module replaces MMEngine's loader of files and downloads. So every tool, hook and runner
accepts the same checkpoints (safetensors, those of other trainers), and none runs what a file names.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from safetensors.torch import save
from torch import Tensor

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.checkpoint_reader import read_checkpoint
from mmroi.fileio.downloads import SHORT_NAMES, locate
from mmroi.fileio.state_dicts import check_finite, find_weights, fingerprint, read_state_dict

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
        with_hash: Append the first 8 digits of the SHA-256 of the weights to the file's name. Unlike those of
            the file, which OpenMMLab appends, they depend neither on the format nor on the metadata.

    Returns:
        The file that was written.

    Raises:
        ValueError: If the file name has another suffix, or weights are not finite, as after an overflow of
            half precision.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f'a checkpoint must end in {" or ".join(SUFFIXES)}, not {path.name!r}')
    check_finite(state_dict, path)
    if path.suffix == '.safetensors':
        words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in meta.items()}
        tensors = {name: value.contiguous() for name, value in state_dict.items()}
        content = _sort_metadata(save(tensors, words))
    else:
        buffer = io.BytesIO()
        torch.save(dict(meta=dict(meta), state_dict=dict(state_dict)), buffer)
        content = buffer.getvalue()
    if with_hash:
        path = path.with_stem(f'{path.stem}-{fingerprint(state_dict)[:8]}')
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


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load a file as a checkpoint of MMEngine, in place of MMEngine's loader, which calls ``torch.load``.

    Args:
        filename: Path of the file, of any format of :func:`~mmroi.fileio.checkpoint_reader.read_checkpoint`.
        map_location: Ignored: tensors are read on the CPU, and everything that loads them copies them.

    Returns:
        Content of the file; the weights are in ``state_dict``, wherever the file has them.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is no checkpoint, is damaged, or has weights that are not finite.
    """
    path = Path(filename)
    content = read_checkpoint(path)
    if find_weights(content) is None:
        content['state_dict'] = read_state_dict(path)  # which says what is wrong
    content['state_dict'] = weights = find_weights(content) or {}
    check_finite(weights, path)
    if isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)  # MMEngine runs this text when a training resumes
    return content


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://', *SHORT_NAMES), force=True)
def load_from_download(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Download a checkpoint, unless it is cached, and load it.

    Args:
        filename: URL, or short name of MMEngine.
        map_location: Ignored, as in :func:`load_from_local`.

    Returns:
        As :func:`load_from_local`.

    Raises:
        FileNotFoundError: The file cannot be downloaded.
        ValueError: The file is no checkpoint, or is damaged.
    """
    return load_from_local(str(locate(filename)))
