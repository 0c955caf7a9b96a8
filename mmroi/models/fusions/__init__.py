"""Fusion of the RoIs' features."""

from mmroi.models.fusions.roi_aware_fusion import RoIAwareFusion
from mmroi.models.fusions.self_attention_fusion import SelfAttentionFusion

__all__ = ['RoIAwareFusion', 'SelfAttentionFusion']
