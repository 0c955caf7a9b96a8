"""Losses: predictions and ground truth in, a weighted scalar out."""

from mmroi.models.losses.camera_consistency_loss import CameraConsistencyLoss
from mmroi.models.losses.contrastive_loss import ContrastiveLoss
from mmroi.models.losses.heatmap_loss import HeatmapLoss
from mmroi.models.losses.joint_uncertainty_loss import JointUncertaintyLoss
from mmroi.models.losses.keypoint_losses import Keypoint2DLoss, Keypoint3DLoss
from mmroi.models.losses.smpl_losses import SMPLParameterLoss, VertexLoss
from mmroi.models.losses.volume_loss import VolumeLoss

__all__ = [
    'CameraConsistencyLoss',
    'ContrastiveLoss',
    'HeatmapLoss',
    'JointUncertaintyLoss',
    'Keypoint2DLoss',
    'Keypoint3DLoss',
    'SMPLParameterLoss',
    'VertexLoss',
    'VolumeLoss',
]
