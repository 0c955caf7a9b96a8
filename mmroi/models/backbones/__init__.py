"""Backbones that MMDetection lacks: image batches in, feature maps out."""

from mmroi.models.backbones.efficientnet_lite import EfficientNetLite0
from mmroi.models.backbones.movenet import MoveNetBackbone
from mmroi.models.backbones.movenet_pose import MoveNetPose

__all__ = ['EfficientNetLite0', 'MoveNetBackbone', 'MoveNetPose']
