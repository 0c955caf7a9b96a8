"""Refinement of a network's predictions at test time."""

from mmroi.models.refiners.body_state import BodyState, pose_state
from mmroi.models.refiners.keypoint_refiner import REFINED, KeypointRefiner, Refinement
from mmroi.models.refiners.motion_window import MotionWindow
from mmroi.models.refiners.sample_refinement import refine_samples

__all__ = [
    'REFINED',
    'BodyState',
    'KeypointRefiner',
    'MotionWindow',
    'Refinement',
    'pose_state',
    'refine_samples',
]
