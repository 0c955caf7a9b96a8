"""Transforms from one row of a dataset to the inputs of a network (mmcv's ``BaseTransform``)."""
from .augmentation import RandomBoxScale, RandomCameraRoll, RandomChannelNoise, RandomMirror
from .formatting import PackHMRInputs
from .loading import LoadImage
from .multi_roi_crop import MultiRoICrop
from .person_box import GetPersonBox

__all__ = [
    'GetPersonBox', 'LoadImage', 'MultiRoICrop', 'PackHMRInputs', 'RandomBoxScale', 'RandomCameraRoll',
    'RandomChannelNoise', 'RandomMirror'
]
