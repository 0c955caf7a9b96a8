"""Necks between backbone and pooling: feature maps in, feature maps out."""

from mmroi.models.necks.base_neck import BaseNeck
from mmroi.models.necks.branch_downsampler import BranchDownsampler
from mmroi.models.necks.grid_neck import GridNeck
from mmroi.models.necks.hrnet_classification_neck import HRNetClassificationNeck

__all__ = ['BaseNeck', 'BranchDownsampler', 'GridNeck', 'HRNetClassificationNeck']
