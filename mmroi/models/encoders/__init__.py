"""Image encoders: crops in, feature vectors out."""

from mmroi.models.encoders.multi_roi_encoder import MultiRoIEncoder

__all__ = ['MultiRoIEncoder']
