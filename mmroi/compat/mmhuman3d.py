"""MMHuman3D 0.11.0, of 2023, beside MMEngine and mmcv 2.x.

MMHuman3D is written for mmcv 1.x: it refuses any other version when it is imported, and takes from mmcv what
MMEngine has held since. While its modules are being imported, ``mmcv`` in ``sys.modules`` is a stand-in that
calls itself 1.6.1 and offers those names, taken from MMEngine and from the installed mmcv; afterwards the
installed one is back, which has not been touched. If the import fails, nothing of MMHuman3D stays.

MMHuman3D is installed with ``pip install --no-deps mmhuman3d==0.11.0 einops``: of what it declares, chumpy,
pickle5, numpy < 1.24 and pytorch3d cannot be had today, and its networks use none of them.

Upstream: https://github.com/open-mmlab/mmhuman3d/issues/309 (no release takes mmcv > 1.6.1)
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

    No other thread should import mmcv or MMHuman3D for the first time meanwhile.

    Args:
        *names: Modules below ``mmhuman3d``, such as ``'models.heads.hmr_head'``.

    Returns:
        list[ModuleType]: The modules, which stay in ``sys.modules`` as after any import.

    Raises:
        RuntimeError: MMHuman3D is not installed, or one of the modules cannot be imported; then
            ``sys.modules`` is as it was before. It is no ImportError, for which MMEngine would put an advice
            about the search path when it comes from the ``custom_imports`` of a config.
    """
    if 'mmhuman3d' not in sys.modules and find_spec('mmhuman3d') is None:
        raise RuntimeError('MMHuman3D is not installed: pip install --no-deps mmhuman3d==0.11.0 einops')
    with _undone_if_failed(), _mmcv_of_old():
        try:
            return [import_module(f'mmhuman3d.{name}') for name in names]
        except Exception as error:  # an assertion on versions, an absent library, a removed name
            reason = ' '.join(str(error).split())
            raise RuntimeError(
                f'MMHuman3D cannot be imported: {type(error).__name__}: {reason}. What works '
                'is: pip install --no-deps mmhuman3d==0.11.0 einops'
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
    logger.setLevel(logging.ERROR)  # pages of warning that pytorch3d, which nothing here needs, is absent
    try:
        yield
    finally:
        logger.setLevel(level)
        for name in [name for name in sys.modules if _of('mmcv', name)]:
            del sys.modules[name]
        sys.modules.update(installed)


def _standin() -> dict[str, ModuleType]:
    """What the networks, tables and data structures of MMHuman3D take from mmcv 1.x, by module."""
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
