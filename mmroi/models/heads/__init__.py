"""Heads: body parameters and cameras, and the projection for the contrastive loss."""

from mmroi.models.heads.cliff_head import CLIFFHead
from mmroi.models.heads.contrastive_projector import ContrastiveProjector
from mmroi.models.heads.heatmap_head import HeatmapHead
from mmroi.models.heads.iterative_regressor import IterativeRegressor
from mmroi.models.heads.multi_roi_head import MultiRoIHead
from mmroi.models.heads.parameter_head import ParameterHead

__all__ = [
    'CLIFFHead',
    'ContrastiveProjector',
    'HeatmapHead',
    'IterativeRegressor',
    'MultiRoIHead',
    'ParameterHead',
]
