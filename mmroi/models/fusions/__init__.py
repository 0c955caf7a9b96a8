"""Fusion of the RoIs' features."""
from mmroi.models.fusions.roi_aware_fusion import RoIAwareFusion

__all__ = ['RoIAwareFusion']
