"""Numbers at the top level of a config, such as ``num_rois = 3``."""

import difflib
from collections.abc import Callable
from typing import Any

from mmengine.config import Config


def read_numbers(cfg: Config) -> dict[str, Any]:
    """Read the numbers at the top level of a config.

    Args:
        cfg: Config of a run.

    Returns:
        Those of ``NUMBERS`` that it has.

    Raises:
        ValueError: A number is out of range, or the name of another value is nearly that of a number.
    """
    for name in cfg.keys() - NUMBERS.keys():
        for near in difflib.get_close_matches(name, NUMBERS, 1, cutoff=0.85):
            if NUMBERS[near][0](cfg[name]):
                raise ValueError(
                    f'config {cfg.filename}: nothing reads {name} = {cfg[name]!r}; did you mean {near!r}? '
                    'Give it another name if it is a variable of your own'
                )
    numbers = {name: cfg[name] for name in NUMBERS if cfg.get(name) is not None}
    for name, value in numbers.items():
        if not NUMBERS[name][0](value):
            raise ValueError(f'config {cfg.filename}: {name} must be {NUMBERS[name][1]}, not {value!r}')
    return numbers


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float('inf')


def _is_size(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_count, value))


# What is accepted, in code and in words.
NUMBERS: dict[str, tuple[Callable[[Any], bool], str]] = dict(
    num_rois=(_is_count, 'a positive integer'),
    crop_size=(_is_size, 'height and width in pixels, such as (256, 192)'),
    context_size=(_is_size, 'height and width in pixels, such as (384, 352)'),
    box_scale=(_is_positive, 'a positive number'),
    box_aspect=(_is_positive, 'a positive number'),
    random_rois=(lambda value: isinstance(value, bool), 'True or False'),
    max_epochs=(_is_count, 'a positive integer'),
)
