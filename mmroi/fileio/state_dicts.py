"""Read state dicts without running code that the file may contain."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from mmroi.compat import safe_globals

CONTAINERS = ('state_dict', 'model')  # MMEngine's; SPIN's, CLIFF's and the Multi-RoI authors'


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint.

    Args:
        path: A safetensors file, or a file of ``torch.save`` in its new or old format with a state dict, or
            with a dictionary that has one under ``state_dict`` or ``model``. The format is detected from the
            content.

    Returns:
        Tensors on the CPU by name, without the prefix ``module.`` of data-parallel models.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a checkpoint, is damaged, has no weights, or names more than weights.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    state = content = _load(path)
    if isinstance(content, Mapping):
        state = next((content[key] for key in CONTAINERS if isinstance(content.get(key), Mapping)), content)
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items())
    ):
        found = ', '.join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(f'{path} holds no state dict; its content is: {found or "nothing"}')
    prefix = 'module.' if all(name.startswith('module.') for name in state) else ''
    return {name.removeprefix(prefix): value for name, value in state.items()}


def fingerprint(state_dict: Mapping[str, Tensor]) -> str:
    """Identify weights by their names and values.

    Args:
        state_dict: Tensors by name. Half precision counts as float32, to which models convert it, so a file
            and the model that loaded it have the same fingerprint.

    Returns:
        SHA-256 in hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(state_dict):
        value = state_dict[name].detach().cpu()
        value = value.float() if value.is_floating_point() else value
        digest.update(f'{name} {value.dtype} {tuple(value.shape)}\n'.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def find_mismatches(
    given: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str = 'file', target: str = 'network'
) -> list[str]:
    """Compare names and shapes of tensors with those of a network.

    Args:
        given: Tensors by name.
        own: Those that the network has.
        source: Where the former come from, for the messages.
        target: What the latter belong to.

    Returns:
        Differences in the order of the network, then of the file. The counters of BatchNorm,
        ``num_batches_tracked``, may be missing on either side.
    """

    def without(others: Mapping[str, Tensor], names: Mapping[str, Tensor]) -> list[str]:
        return [name for name in names if name not in others and not name.endswith('num_batches_tracked')]

    shapes = {name: (tuple(given[name].shape), tuple(own[name].shape)) for name in own if name in given}
    return [
        *(f'{name} is not in the {source}' for name in without(given, own)),
        *(f'{n} is {a} in the {source}, {b} in the {target}' for n, (a, b) in shapes.items() if a != b),
        *(f'{name} is not in the {target}' for name in without(own, given)),
    ]


def _load(path: Path) -> object:
    with path.open('rb') as file:
        is_safetensors = file.read(9)[8:] == b'{'  # a JSON header behind its length
    try:
        if is_safetensors:
            return load_file(path)
        safe_globals.install()
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # damaged bytes can raise almost anything
        refused = re.search(r'GLOBAL (\S+)', str(error))
        reason = 'it is damaged, truncated or of another format; delete it and download it again'
        if refused:
            reason = f'it names {refused[1]}, which weights do not need; get the file from its authors'
        raise ValueError(
            f'{path} is not a checkpoint that can be read safely (weights only): {reason}'
        ) from None
