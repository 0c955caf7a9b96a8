"""Fusion of the RoIs' features."""

from mmroi.models.fusions.base_fusion import BaseFusion
from mmroi.models.fusions.box_encoding import BoxEncoding, Float32BoxEncoding
from mmroi.models.fusions.linear_roi_aware_fusion import LinearRoIAwareFusion
from mmroi.models.fusions.roi_aware_fusion import RoIAwareFusion
from mmroi.models.fusions.self_attention_fusion import SelfAttentionFusion

__all__ = [
    'BaseFusion',
    'BoxEncoding',
    'Float32BoxEncoding',
    'LinearRoIAwareFusion',
    'RoIAwareFusion',
    'SelfAttentionFusion',
]
