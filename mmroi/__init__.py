"""Multi-RoI human mesh recovery for OpenMMLab.

Importing the package checks the versions of its main dependencies and makes MMDetection importable with
mmcv-lite, and MMEngine know ``mmroi::``. It does not import torch, MMEngine or MMDetection.
"""

from mmroi.compat import mmcv_ext, mmengine_scope, opencv
from mmroi.version import __version__, check_versions

__all__ = ['__version__']

opencv.check()
check_versions()
mmcv_ext.install()
mmengine_scope.install()
