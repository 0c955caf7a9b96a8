"""``--cfg-options``: no key that nothing reads."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmroi.engine.config_numbers import NUMBERS

# What MMEngine and the tools read from a config that need not have it, beside the arguments of ``Runner``.
_OPTIONAL = {
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'feature_cache',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
}
# Dicts of which MMEngine takes some keys and overlooks all others.
_CLOSED = {
    'auto_scale_lr': ('base_batch_size', 'enable'),
    'env_cfg': ('cudnn_benchmark', 'dist_cfg', 'mp_cfg', 'resource_limit'),
}


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse options that change nothing, because nothing reads their key.

    A last part that is new to its dict passes if the dict has a ``type``: the class itself refuses what it
    does not know, when it is built.

    Args:
        cfg: Config of a run.
        options: Values by key, with dots between the parts of a path.

    Raises:
        ValueError: The first part of a key is unknown, or a later one is nearly the name of another; suggests
            the right one.
    """
    runner = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}
    known = sorted({*cfg.keys(), *runner, *_OPTIONAL, *NUMBERS})
    for key, value in options.items():
        first, *path = key.split('.')
        if first not in known:
            near = difflib.get_close_matches(first, known, 1)
            hint = f'did you mean {near[0]!r}?' if near else 'define it in the config if it is your own'
            raise ValueError(f'config {cfg.filename}: nothing reads {first!r} of --cfg-options {key}; {hint}')
        if path and path[0] not in _CLOSED.get(first, path):
            raise ValueError(
                f'config {cfg.filename}: nothing reads {path[0]!r} of --cfg-options {key}; {first} has '
                f'{", ".join(_CLOSED[first])}'
            )
        if slip := _find_slip(cfg.get(first), path, value):
            name, right = slip
            raise ValueError(
                f'config {cfg.filename}: --cfg-options {key}: there is no {name!r}; did you mean {right!r}?'
            )


def _find_slip(part: Any, path: list[str], value: Any) -> tuple[str, str] | None:
    """Find the first part of a path that does not exist, and the name that it nearly is, if any."""
    for name in path:
        if isinstance(part, list | tuple):
            part = part[int(name)] if name.isdecimal() and int(name) < len(part) else None
            continue
        if not isinstance(part, dict):
            return None
        if name not in part:
            if name is path[-1] and ('type' in part or isinstance(value, dict)):  # a new part, such as a loss
                return None
            near = difflib.get_close_matches(name, list(part), 1, cutoff=0.75)
            return (name, near[0]) if near else None
        part = part[name]
    return None
