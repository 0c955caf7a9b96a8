"""Hooks of the runner."""

from mmroi.engine.hooks.config_check_hook import ConfigCheckHook
from mmroi.engine.hooks.epoch_seed_hook import EpochSeedHook
from mmroi.engine.hooks.feature_cache_hook import FeatureCacheHook
from mmroi.engine.hooks.loss_coverage_hook import LossCoverageHook
from mmroi.engine.hooks.progress_bar_hook import ProgressBarHook
from mmroi.engine.hooks.visualization_hook import MeshVisualizationHook

__all__ = [
    'ConfigCheckHook',
    'EpochSeedHook',
    'FeatureCacheHook',
    'LossCoverageHook',
    'MeshVisualizationHook',
    'ProgressBarHook',
]
