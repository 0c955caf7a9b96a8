"""Image encoders: crops in, feature vectors out."""

from mmroi.models.encoders.multi_roi_encoder import MultiRoIEncoder
from mmroi.models.encoders.shared_map_encoder import SharedMapEncoder

__all__ = ['MultiRoIEncoder', 'SharedMapEncoder']
