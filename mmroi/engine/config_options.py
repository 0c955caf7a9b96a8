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


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse options that change nothing, because nothing reads their key.

    Args:
        cfg: Config of a run.
        options: Values by key, with dots between the parts of a path.

    Raises:
        ValueError: The first part of a key is unknown, or a later one, except the last, is nearly the name of
            another; suggests the right one.
    """
    runner = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}
    known = sorted({*cfg.keys(), *runner, *_OPTIONAL, *NUMBERS})
    for key in options:
        first, *path = key.split('.')
        if first not in known:
            near = difflib.get_close_matches(first, known, 1)
            hint = f'did you mean {near[0]!r}?' if near else 'define it in the config if it is your own'
            raise ValueError(f'config {cfg.filename}: nothing reads {first!r} of --cfg-options {key}; {hint}')
        part = cfg.get(first)
        for name in path[:-1]:
            if not isinstance(part, dict) or name in part:
                part = part.get(name) if isinstance(part, dict) else None
                continue
            if near := difflib.get_close_matches(name, list(part), 1, cutoff=0.75):
                raise ValueError(
                    f'config {cfg.filename}: --cfg-options {key}: there is no {name!r}; did you mean '
                    f'{near[0]!r}?'
                )
            break
