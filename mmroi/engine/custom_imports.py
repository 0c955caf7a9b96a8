"""Modules that a config names, whose import registers what it uses."""

from collections.abc import Mapping
from typing import Any

from mmengine.utils import import_modules_from_strings


def import_custom_modules(cfg: Mapping[str, Any]) -> None:
    """Import the modules of ``custom_imports``, as ``Config.fromfile`` does where it is not told otherwise.

    Args:
        cfg: Config of a run; ``custom_imports`` may be absent or None.

    Raises:
        ImportError: A module is missing.
    """
    if given := cfg.get('custom_imports'):
        import_modules_from_strings(**given)
