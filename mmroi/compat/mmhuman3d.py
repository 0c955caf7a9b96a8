"""MMHuman3D 0.11.0 (2023) with MMEngine and mmcv 2.x.

MMHuman3D is written for mmcv 1.x: its import refuses other versions, and it takes from mmcv what has since
moved to MMEngine. While its modules are imported, ``sys.modules['mmcv']`` is a stand-in with version 1.6.1
that provides those names from MMEngine and the installed mmcv. Afterwards the installed mmcv, which is not
modified, is restored. If the import fails, no module of MMHuman3D remains.

Install MMHuman3D with ``pip install --no-deps mmhuman3d==0.11.0 einops smplx``: of its declared dependencies,
chumpy, pickle5, numpy < 1.24 and pytorch3d cannot be installed today, and its networks use none of them. It
imports smplx, whose license is for non-commercial research only.

Upstream: https://github.com/open-mmlab/mmhuman3d/issues/309 (no release supports mmcv > 1.6.1)
Remove when: MMHuman3D releases a version for mmcv 2.x and MMEngine.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_SERVED_VERSION = '1.6.1'


def load(*names: str) -> list[ModuleType]:
    """Import modules of MMHuman3D.

    Not thread-safe: no other thread may import mmcv or MMHuman3D for the first time at the same time.

    Args:
        *names: Modules of ``mmhuman3d``, such as ``'models.heads.hmr_head'``.

    Returns:
        The modules, which stay in ``sys.modules`` as after any import.

    Raises:
        RuntimeError: If MMHuman3D is not installed or a module cannot be imported; ``sys.modules`` is then
            restored. It is not an ImportError, because MMEngine replaces ImportErrors raised from a config's
            ``custom_imports`` by advice about the search path.
    """
    if 'mmhuman3d' not in sys.modules and find_spec('mmhuman3d') is None:
        raise RuntimeError('MMHuman3D is not installed: pip install --no-deps mmhuman3d==0.11.0 einops smplx')
    with _undone_if_failed(), _mmcv_of_old():
        try:
            return [import_module(f'mmhuman3d.{name}') for name in names]
        except Exception as error:  # an assertion on versions, an absent library, a removed name
            reason = ' '.join(str(error).split())
            raise RuntimeError(
                f'MMHuman3D cannot be imported: {type(error).__name__}: {reason}. The supported version is: '
                'pip install --no-deps mmhuman3d==0.11.0 einops smplx'
            ) from error


@contextmanager
def _undone_if_failed() -> Iterator[None]:
    before = {name for name in sys.modules if _of('mmhuman3d', name)}
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if _of('mmhuman3d', name) and name not in before]:
            del sys.modules[name]
        raise


@contextmanager
def _mmcv_of_old() -> Iterator[None]:
    standin = _standin()
    installed = {name: module for name, module in sys.modules.items() if _of('mmcv', name)}
    logger = logging.getLogger('mmhuman3d')
    level = logger.level
    for name in installed:
        del sys.modules[name]
    sys.modules.update(standin)
    logger.setLevel(logging.ERROR)  # hides pages of warnings that pytorch3d, which is not needed, is missing
    try:
        yield
    finally:
        logger.setLevel(level)
        for name in [name for name in sys.modules if _of('mmcv', name)]:
            del sys.modules[name]
        sys.modules.update(installed)


def _standin() -> dict[str, ModuleType]:
    """Build the modules of mmcv 1.x that MMHuman3D's networks, tables and data structures import, by name."""
    import mmcv.cnn
    from mmengine.logging import print_log
    from mmengine.model import BaseModule, ModuleDict, ModuleList, Sequential

    blocks = dict(BaseModule=BaseModule, ModuleDict=ModuleDict, ModuleList=ModuleList, Sequential=Sequential)
    submodules = {
        'mmcv.cnn': mmcv.cnn,
        'mmcv.runner': _module('mmcv.runner', **blocks),
        'mmcv.runner.base_module': _module('mmcv.runner.base_module', **blocks),
        'mmcv.utils': _module('mmcv.utils', print_log=print_log, get_logger=_get_logger),
    }
    root = _module(
        'mmcv',
        __version__=_SERVED_VERSION,
        __path__=[],
        **{name.rpartition('.')[2]: module for name, module in submodules.items() if name.count('.') == 1},
    )
    return {'mmcv': root, **submodules}


def _get_logger(name: str, log_file: str | None = None, log_level: int = logging.INFO) -> logging.Logger:
    return logging.getLogger(name)


def _module(name: str, **attributes: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


def _of(package: str, name: str) -> bool:
    return name == package or name.startswith(f'{package}.')
