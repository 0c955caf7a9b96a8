"""Complete networks."""

from mmroi.models.estimators.mesh_estimator import MeshEstimator

__all__ = ['MeshEstimator']
