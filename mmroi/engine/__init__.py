"""Additions to MMEngine: optimizer wrapper, hooks and what the command-line tools share.

Importing it also allows MMEngine's checkpoints in ``torch.load`` (:mod:`mmroi.compat.safe_globals`), so that
every runner with ``default_scope = 'mmroi'`` can resume.
"""

from mmroi.compat import safe_globals
from mmroi.engine.amp import CPUAmpOptimWrapper, use_amp
from mmroi.engine.hooks import EpochSeedHook, LossCoverageHook, MeshVisualizationHook, ProgressBarHook

__all__ = [
    'CPUAmpOptimWrapper',
    'EpochSeedHook',
    'LossCoverageHook',
    'MeshVisualizationHook',
    'ProgressBarHook',
    'use_amp',
]

safe_globals.install()
