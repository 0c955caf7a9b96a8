"""Complete networks."""

from mmroi.models.estimators.architecture_guard import check_state_dict
from mmroi.models.estimators.loss_inputs import GROUND_TRUTH, LossInputs, arguments_of
from mmroi.models.estimators.mesh_estimator import MeshEstimator
from mmroi.models.estimators.referenced_backbone import leave_out_backbone, restore_backbone

__all__ = [
    'GROUND_TRUTH',
    'LossInputs',
    'MeshEstimator',
    'arguments_of',
    'check_state_dict',
    'leave_out_backbone',
    'restore_backbone',
]
