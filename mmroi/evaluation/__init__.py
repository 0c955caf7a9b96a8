"""Errors of predicted meshes and cameras under named protocols."""

from .baseline import MeanPoseBaseline
from .functional import (
    camera_translation_error,
    depth_error,
    joint_errors,
    mpjpe,
    orientation_error,
    pa_mpjpe,
    pve,
)
from .mesh_metric import MeshMetric
from .protocols import PROTOCOLS, EvaluationProtocol, get_protocol

__all__ = [
    'PROTOCOLS',
    'EvaluationProtocol',
    'MeanPoseBaseline',
    'MeshMetric',
    'camera_translation_error',
    'depth_error',
    'get_protocol',
    'joint_errors',
    'mpjpe',
    'orientation_error',
    'pa_mpjpe',
    'pve',
]
