"""Heads for body parameters and cameras, and parts that only training uses."""

from mmroi.models.heads.base_head import BaseHead
from mmroi.models.heads.cliff_head import CLIFFHead
from mmroi.models.heads.contrastive_projector import ContrastiveProjector
from mmroi.models.heads.heatmap_head import HeatmapHead
from mmroi.models.heads.iterative_regressor import IterativeRegressor
from mmroi.models.heads.joint_uncertainty_head import JointUncertaintyHead
from mmroi.models.heads.multi_roi_head import MultiRoIHead
from mmroi.models.heads.parameter_head import ParameterHead
from mmroi.models.heads.per_roi_mesh_head import PerRoIMeshHead

__all__ = [
    'BaseHead',
    'CLIFFHead',
    'ContrastiveProjector',
    'HeatmapHead',
    'IterativeRegressor',
    'JointUncertaintyHead',
    'MultiRoIHead',
    'ParameterHead',
    'PerRoIMeshHead',
]
