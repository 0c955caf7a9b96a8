"""Lets configs name those of this project by scope: ``_base_ = 'mmroi::cliff/cliff_r18_synthetic.py'``.

MMEngine has a fixed list of packages whose configs it finds.

Upstream: https://github.com/open-mmlab/mmengine/blob/v0.10.7/mmengine/config/utils.py (``MODULE2PACKAGE``)
Remove when: MMEngine finds the configs of any installed package with a folder ``.mim``.
"""

from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

_SCOPE = 'mmroi::'
_original = Config._get_cfg_path


def install(find_file: Callable[[str], Path]) -> None:
    """Add the scope to MMEngine's configs. Calling it again has no effect.

    Args:
        find_file: Finds a file of this project, such as ``configs/cliff/cliff_r18_synthetic.py``.
    """

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(_SCOPE):
            return str(find_file(f'configs/{cfg_path.removeprefix(_SCOPE)}')), None
        found: tuple[str, str | None] = _original(cfg_path, filename)
        return found

    Config._get_cfg_path = staticmethod(get_cfg_path)
