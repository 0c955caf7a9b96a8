"""Read state dicts without running code that the file may contain."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmroi.fileio.checkpoint_reader import UnreadEntry, read_checkpoint

# MMEngine's; SPIN's, CLIFF's and the Multi-RoI authors'; hand-written trainers'
CONTAINERS = ('state_dict', 'model', 'model_state_dict', 'network', 'net')
_MAX_DEPTH = 3
_COUNTERS = ('n_averaged', 'steps')  # of averaged models


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint.

    Args:
        path: A safetensors file, or a file of ``torch.save`` in its new or old format with a state dict, or
            with a dictionary that has one under a name of ``CONTAINERS``. The format is detected from the
            content.

    Returns:
        Tensors on the CPU by name, without the prefixes ``module.`` of data-parallel and averaged models and
        ``_orig_mod.`` of compiled ones.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a checkpoint, is damaged, has no weights, some are not finite, or objects
            of unknown classes are among them.
    """
    return take_weights(read_checkpoint(path), path)


def take_weights(content: Mapping[Any, Any], path: str | Path) -> dict[str, Tensor]:
    """Take the weights out of the content of a checkpoint.

    Args:
        content: As :func:`~mmroi.fileio.checkpoint_reader.read_checkpoint` returns it.
        path: The file, for messages.

    Returns:
        As :func:`read_state_dict`.

    Raises:
        ValueError: There are no weights, some are not finite, or objects of unknown classes are among them.
    """
    state = find_weights(content)
    if state is None:
        unread = [value for value in content.values() if isinstance(value, UnreadEntry)]
        if unread and (any(key in content for key in CONTAINERS) or _is_state_dict(content)):
            raise ValueError(
                f'{path} is not a checkpoint that can be read safely (weights only): it names '
                f'{unread[0].names[0]}, which weights do not need; get the file from its authors'
            )
        found = ', '.join(map(str, content))
        raise ValueError(f'{path} holds no state dict; its content is: {found or "nothing"}')
    if left_out := [
        f'{key} ({", ".join(v.names)})' for key, v in content.items() if isinstance(v, UnreadEntry)
    ]:
        print_log(f'{path}: left out what is no weights: {"; ".join(left_out)}', logger='current')
    check_finite(state, path)
    return state


def check_finite(state_dict: Mapping[str, Any], path: str | Path) -> None:
    """Check that weights are numbers: with NaN or infinity a network predicts nothing, and says nothing.

    Args:
        state_dict: Tensors by name.
        path: The file, for the message.

    Raises:
        ValueError: Names the file and the first tensor that is not finite.
    """
    if fault := describe_not_finite(state_dict):
        raise ValueError(f'{path}: {fault}. Use another checkpoint')


def describe_not_finite(state_dict: Mapping[str, Any]) -> str:
    """Describe weights with NaN or infinity.

    Args:
        state_dict: Tensors by name. Masks, of 0 and minus infinity, pass.

    Returns:
        Which they are, for a message; '' if there are none.
    """
    bad = [name for name, value in state_dict.items() if isinstance(value, Tensor) and _is_spoilt(value)]
    if not bad:
        return ''
    numbers = state_dict[bad[0]]
    words = 'NaN' if numbers.isnan().any() else 'infinity'
    others = f'; {len(bad) - 1} more tensors are not finite either' if len(bad) > 1 else ''
    count = int((~numbers.isfinite()).sum())
    return f'{bad[0]} has {words} among its weights ({count} of {numbers.numel()} numbers){others}'


def _is_spoilt(values: Tensor) -> bool:
    """Whether there is NaN or infinity, except in a mask of 0 and minus infinity."""
    if not (values.is_floating_point() or values.is_complex()) or bool(values.isfinite().all()):
        return False
    return not bool(((values == 0) | (values == -torch.inf)).all())


def find_weights(content: Mapping[Any, Any]) -> dict[str, Tensor] | None:
    """Find the state dict in the content of a checkpoint.

    Args:
        content: As :func:`~mmroi.fileio.checkpoint_reader.read_checkpoint` returns it.

    Returns:
        The weights without the prefixes of wrappers; None if there are none.
    """
    state: Any = content
    for _ in range(_MAX_DEPTH):
        state = next((state[key] for key in CONTAINERS if isinstance(state.get(key), dict)), state)
    return _unwrap(state) if _is_state_dict(state, whole=True) else None


def take_below_prefix(state_dict: dict[str, Tensor], own: Collection[str]) -> None:
    """Find a network inside another module, such as a LightningModule with the network as ``model``.

    If no name is one of the network's, but there are such names below one prefix, names lose that prefix, and
    all others are left out.

    Args:
        state_dict: Tensors by name, changed in place.
        own: Names that the network has.
    """
    if not own or any(name in own for name in state_dict):
        return
    prefixes = Counter(
        head + '.' for head, _, tail in (name.partition('.') for name in state_dict) if tail in own
    )
    if len(prefixes) != 1:
        return
    (prefix,) = prefixes
    kept = {name.removeprefix(prefix): v for name, v in state_dict.items() if name.startswith(prefix)}
    if others := [name for name in state_dict if not name.startswith(prefix)]:
        print_log(
            f'took the weights below {prefix!r} and left out {len(others)} others such as {others[0]}',
            logger='current',
        )
    state_dict.clear()
    state_dict.update(kept)


def _is_state_dict(state: Mapping[Any, Any], whole: bool = False) -> bool:
    """Whether all entries are tensors; otherwise, whether any is."""
    found = [isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()]
    return bool(found) and (all(found) if whole else any(found))


def _unwrap(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {name: name.replace('_orig_mod.', '') for name in state}  # also of compiled parts
    averaged = [name for name in names if name not in _COUNTERS]
    while averaged and all(names[name].startswith('module.') for name in averaged):
        names = {name: names[name].removeprefix('module.') for name in averaged}
    return state if names == {name: name for name in state} else {n: state[old] for old, n in names.items()}


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
