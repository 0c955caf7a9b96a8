"""Complete networks."""

from mmroi.models.estimators.architecture_guard import check_state_dict
from mmroi.models.estimators.mesh_estimator import MeshEstimator

__all__ = ['MeshEstimator', 'check_state_dict']
