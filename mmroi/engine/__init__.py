"""Additions to MMEngine: optimizer wrapper, hooks and what the command-line tools share.

Importing it also replaces MMEngine's loader of checkpoints by one that reads them as data
(:mod:`mmroi.fileio.checkpoint_io`), so that every runner with ``default_scope = 'mmroi'`` can resume.
"""

from mmroi.compat import file_client
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
from mmroi.fileio import checkpoint_io  # noqa: F401

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

file_client.install()
