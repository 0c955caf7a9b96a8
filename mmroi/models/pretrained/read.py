"""From a file to named tensors, without running any code that the file may hold."""
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mmroi.compat import safe_globals

CONTAINERS = ('state_dict', 'model')  # MMEngine's; SPIN's, CLIFF's and the Multi-RoI authors'
_REFUSED = re.compile(r'GLOBAL (\S+) was not an allowed global')


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint.

    Args:
        path: Pickle of torch (a state dict, or a dictionary that has one under ``state_dict`` or ``model``),
            or a ``.safetensors`` file.

    Returns:
        dict: Tensors on the CPU by name, without the ``module.`` of data-parallel models.

    Raises:
        ValueError: The file is no checkpoint, is damaged, holds no weights, or asks for more than weights.
    """
    content = _load(Path(path))
    if isinstance(content, Mapping):
        for container in CONTAINERS:
            if isinstance(content.get(container), Mapping):
                content = content[container]
    if not isinstance(content, Mapping):
        raise ValueError(f'{path} holds no state dict but a {type(content).__name__}.')
    if not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f'{path} holds no state dict, neither itself nor under {" or ".join(CONTAINERS)}; '
                         f'it begins with: {", ".join(map(str, list(content)[:5])) or "nothing"}.')
    return {name.removeprefix('module.'): value for name, value in content.items()}


def _load(path: Path) -> object:
    try:
        if path.suffix == '.safetensors':
            from safetensors.torch import load_file
            return load_file(path)
        safe_globals.install()
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        refused = _REFUSED.search(str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if refused:
            message = (f'{path} asks for {refused[1]}, which no file of weights needs, and was not loaded: '
                       'take it from its authors; if you trust it, load it yourself and save its state dict.')
        else:
            line = next(iter(str(error).splitlines()), '') or type(error).__name__
            message = (f'{path} is not a checkpoint that can be read ({line}): it may be damaged or cut '
                       'short; delete it and fetch it again.')
        raise ValueError(message) from None
