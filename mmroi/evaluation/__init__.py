"""Metrics of predicted meshes and cameras under named protocols."""

from mmroi.evaluation.actions import H36MName, action_of, parse_h36m_name
from mmroi.evaluation.baseline import MeanPerson, MeanPoseBaseline
from mmroi.evaluation.functional import (
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
from mmroi.evaluation.joint_uncertainty_metric import JointUncertaintyMetric, joint_errors_and_std
from mmroi.evaluation.keypoint_accuracy import KeypointAccuracy, PersonKeypoints
from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.evaluation.mesh_results import DumpMeshResults, DumpWholeResults, MeshResults
from mmroi.evaluation.metrics import MESH_METRICS, MetricInfo, metric_info
from mmroi.evaluation.protocols import PROTOCOLS, EvaluationProtocol, get_protocol
from mmroi.evaluation.tables import Table, draw_bars, require_matplotlib
from mmroi.evaluation.uncertainty import (
    calibration_factors,
    interval_coverage,
    interval_radius,
    rank_correlation,
)

__all__ = [
    'MESH_METRICS',
    'PROTOCOLS',
    'DumpMeshResults',
    'DumpWholeResults',
    'EvaluationProtocol',
    'H36MName',
    'JointUncertaintyMetric',
    'KeypointAccuracy',
    'MeanPerson',
    'MeanPoseBaseline',
    'MeshMetric',
    'MeshResults',
    'MetricInfo',
    'PersonKeypoints',
    'Table',
    'action_of',
    'auc',
    'calibration_factors',
    'camera_translation_error',
    'depth_error',
    'draw_bars',
    'get_protocol',
    'interval_coverage',
    'interval_radius',
    'joint_errors',
    'joint_errors_and_std',
    'metric_info',
    'mpjpe',
    'orientation_error',
    'pa_joint_errors',
    'pa_mpjpe',
    'parse_h36m_name',
    'pck',
    'pve',
    'rank_correlation',
    'require_matplotlib',
]
