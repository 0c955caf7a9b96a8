"""Multi-RoI human mesh recovery for OpenMMLab.

Importing the package checks the versions of the libraries below it and makes MMDetection importable beside
mmcv-lite. It imports neither torch nor MMDetection itself.
"""

from mmroi.compat import mmcv_ext
from mmroi.version import __version__, check_versions

__all__ = ['__version__']

check_versions()
mmcv_ext.install()
