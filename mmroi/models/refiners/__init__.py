"""Refinement of a network's predictions at test time."""

from mmroi.models.refiners.keypoint_refiner import REFINED, KeypointRefiner, Refinement
from mmroi.models.refiners.sample_refinement import refine_samples

__all__ = ['REFINED', 'KeypointRefiner', 'Refinement', 'refine_samples']
