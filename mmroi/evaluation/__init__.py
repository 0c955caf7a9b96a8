"""Errors of predicted meshes and cameras under named protocols."""

from .actions import H36MPhoto, action_of, parse_h36m_name
from .baseline import MeanPoseBaseline
from .functional import (
    auc,
    camera_translation_error,
    depth_error,
    joint_errors,
    mpjpe,
    orientation_error,
    pa_joint_errors,
    pa_mpjpe,
    pck,
    pve,
)
from .mesh_metric import MeshMetric
from .mesh_results import DumpMeshResults, MeshResults
from .protocols import PROTOCOLS, EvaluationProtocol, get_protocol
from .tables import Table, draw_bars, require_matplotlib

__all__ = [
    'PROTOCOLS',
    'DumpMeshResults',
    'EvaluationProtocol',
    'H36MPhoto',
    'MeanPoseBaseline',
    'MeshMetric',
    'MeshResults',
    'Table',
    'action_of',
    'auc',
    'camera_translation_error',
    'depth_error',
    'draw_bars',
    'get_protocol',
    'joint_errors',
    'mpjpe',
    'orientation_error',
    'pa_joint_errors',
    'pa_mpjpe',
    'parse_h36m_name',
    'pck',
    'pve',
    'require_matplotlib',
]
