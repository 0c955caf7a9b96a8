"""Datasets, samplers, transforms, and converters of raw downloads."""

from mmroi.datasets.cached_features import CachedFeatures
from mmroi.datasets.human_image_dataset import HumanImageDataset
from mmroi.datasets.mixed_dataset import MixedDataset
from mmroi.datasets.row_checks import BadSampleError
from mmroi.datasets.samplers import MixtureSampler
from mmroi.datasets.transforms import (
    GetPersonBox,
    LoadImage,
    LowerResolution,
    MultiRoICrop,
    PackHMRInputs,
    RandomBoxScale,
    RandomBoxShift,
    RandomCameraRoll,
    RandomChannelNoise,
    RandomMirror,
    ScaleFocalLength,
)
from mmroi.fileio.human_data import HumanData  # whoever looks for a dataset's format looks here

__all__ = [
    'BadSampleError',
    'CachedFeatures',
    'GetPersonBox',
    'HumanData',
    'HumanImageDataset',
    'LoadImage',
    'LowerResolution',
    'MixedDataset',
    'MixtureSampler',
    'MultiRoICrop',
    'PackHMRInputs',
    'RandomBoxScale',
    'RandomBoxShift',
    'RandomCameraRoll',
    'RandomChannelNoise',
    'RandomMirror',
    'ScaleFocalLength',
]
