"""Hooks of the runner."""

from mmroi.engine.hooks.body_record_hook import BodyRecordHook
from mmroi.engine.hooks.checkpoint_hook import AtomicCheckpointHook
from mmroi.engine.hooks.config_check_hook import ConfigCheckHook
from mmroi.engine.hooks.epoch_seed_hook import EpochSeedHook
from mmroi.engine.hooks.feature_cache_hook import FeatureCacheHook
from mmroi.engine.hooks.finite_check_hook import FiniteCheckHook
from mmroi.engine.hooks.loss_coverage_hook import LossCoverageHook
from mmroi.engine.hooks.progress_bar_hook import ProgressBarHook
from mmroi.engine.hooks.resume_check_hook import ResumeCheckHook
from mmroi.engine.hooks.visualization_hook import MeshVisualizationHook

__all__ = [
    'AtomicCheckpointHook',
    'BodyRecordHook',
    'ConfigCheckHook',
    'EpochSeedHook',
    'FeatureCacheHook',
    'FiniteCheckHook',
    'LossCoverageHook',
    'MeshVisualizationHook',
    'ProgressBarHook',
    'ResumeCheckHook',
]
