"""The SMPL body model, with the open body as its default data."""

from mmroi.body_models.gendered_bodies import GenderedBodies, normalize_gender
from mmroi.body_models.smpl import SMPL, SMPLOutput

__all__ = ['SMPL', 'GenderedBodies', 'SMPLOutput', 'normalize_gender']
