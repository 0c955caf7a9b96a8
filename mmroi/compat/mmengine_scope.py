"""Lets MMEngine find this project by scope, as it finds the packages of the OpenMMLab family.

It may then stand in ``_base_`` of configs, such as ``'mmroi::_base_/default_runtime.py'``, and in
``get_config`` and ``get_model`` of ``mmengine.hub``, where these are imported after mmroi. MMEngine
has a fixed list of packages.

Upstream: https://github.com/open-mmlab/mmengine/blob/v0.10.7/mmengine/config/utils.py (``MODULE2PACKAGE``)
Remove when: MMEngine finds the configs of any installed package with a folder ``.mim``.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

_SCOPE = 'mmroi::'


def _extend_config(module: ModuleType) -> None:
    """Add the scope to ``_base_`` of configs."""
    original = module.Config._get_cfg_path

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(_SCOPE):
            return str(import_module('mmroi.utils.config_names').find_config(cfg_path)), None
        found: tuple[str, str | None] = original(cfg_path, filename)
        return found

    module.Config._get_cfg_path = staticmethod(get_cfg_path)


def _extend_hub(module: ModuleType) -> None:
    """Add the scope to ``get_config``, which ``get_model`` calls."""
    original = module.get_config

    def get_config(cfg_path: str, pretrained: bool = False) -> Any:
        if cfg_path.startswith(_SCOPE):
            return import_module('mmroi.apis.model_index').load_indexed_config(cfg_path, pretrained)
        return original(cfg_path, pretrained)

    get_config.__doc__ = original.__doc__
    for owner in (module, sys.modules['mmengine.hub']):  # which takes it from the module
        owner.get_config = get_config  # type: ignore[attr-defined]


_EXTENSIONS: dict[str, Callable[[ModuleType], None]] = {
    'mmengine.config.config': _extend_config,
    'mmengine.hub.hub': _extend_hub,
}


class _Finder(importlib.abc.MetaPathFinder):
    """Extends modules as soon as they are imported; importing them here would take half a second."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        extend = _EXTENSIONS.get(fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if extend else None
        if spec is None or spec.loader is None or extend is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            extend(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Extend MMEngine, now or when it is imported. Calling it again has no effect."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    for name, extend in _EXTENSIONS.items():
        if name in sys.modules:
            extend(sys.modules[name])
