"""What the project adds to MMEngine: optimizer wrapper, hooks and the common part of the tools.

Importing it also allows MMEngine's checkpoints in ``torch.load`` (:mod:`mmroi.compat.safe_globals`), so every
runner with ``default_scope = 'mmroi'`` can resume.
"""

from mmroi.compat import safe_globals
from mmroi.engine.amp import CPUAmpOptimWrapper, use_amp
from mmroi.engine.hooks import EpochSeedHook, MeshVisualizationHook, ProgressBarHook

__all__ = [
    'CPUAmpOptimWrapper',
    'EpochSeedHook',
    'MeshVisualizationHook',
    'ProgressBarHook',
    'use_amp',
]

safe_globals.install()
