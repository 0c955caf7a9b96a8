"""Weights that somebody else trained."""

from mmroi.models.pretrained.initializer import StrictPretrainedInit
from mmroi.models.pretrained.read import read_state_dict

__all__ = ['StrictPretrainedInit', 'read_state_dict']
