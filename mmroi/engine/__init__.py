"""Additions to MMEngine: optimizer wrapper, hooks and what the command-line tools share.

Importing it also allows MMEngine's checkpoints in ``torch.load`` (:mod:`mmroi.compat.safe_globals`), so that
every runner with ``default_scope = 'mmroi'`` can resume, and ``mmroi::`` in ``_base_`` of configs
(:mod:`mmroi.compat.config_scope`).
"""

from mmroi.compat import config_scope, safe_globals
from mmroi.engine.amp import CPUAmpOptimWrapper, use_amp
from mmroi.engine.hooks import (
    AtomicCheckpointHook,
    EpochSeedHook,
    FiniteCheckHook,
    LossCoverageHook,
    MeshVisualizationHook,
    ProgressBarHook,
    ResumeCheckHook,
)
from mmroi.fileio.installation import find_file

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'EpochSeedHook',
    'FiniteCheckHook',
    'LossCoverageHook',
    'MeshVisualizationHook',
    'ProgressBarHook',
    'ResumeCheckHook',
    'use_amp',
]

config_scope.install(find_file)
safe_globals.install()
