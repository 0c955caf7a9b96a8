"""Transforms (mmcv's ``BaseTransform``) from a row of a dataset to the inputs of a network."""

from mmroi.datasets.transforms.augmentation import (
    RandomBoxScale,
    RandomBoxShift,
    RandomCameraRoll,
    RandomChannelNoise,
    RandomMirror,
)
from mmroi.datasets.transforms.focal_length import ScaleFocalLength
from mmroi.datasets.transforms.formatting import PackHMRInputs
from mmroi.datasets.transforms.loading import LoadImage
from mmroi.datasets.transforms.multi_roi_crop import MultiRoICrop
from mmroi.datasets.transforms.person_box import GetPersonBox
from mmroi.datasets.transforms.resolution import LowerResolution

__all__ = [
    'GetPersonBox',
    'LoadImage',
    'LowerResolution',
    'MultiRoICrop',
    'PackHMRInputs',
    'RandomBoxScale',
    'RandomBoxShift',
    'RandomCameraRoll',
    'RandomChannelNoise',
    'RandomMirror',
    'ScaleFocalLength',
]
