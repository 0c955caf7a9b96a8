"""Datasets, samplers, transforms, and converters of raw downloads."""

from mmroi.datasets.human_image_dataset import HumanImageDataset
from mmroi.datasets.mixed_dataset import MixedDataset
from mmroi.datasets.row_checks import BadSampleError
from mmroi.datasets.samplers import MixtureSampler
from mmroi.datasets.transforms import (
    GetPersonBox,
    LoadImage,
    MultiRoICrop,
    PackHMRInputs,
    RandomBoxScale,
    RandomCameraRoll,
    RandomChannelNoise,
    RandomMirror,
)

__all__ = [
    'BadSampleError',
    'GetPersonBox',
    'HumanImageDataset',
    'LoadImage',
    'MixedDataset',
    'MixtureSampler',
    'MultiRoICrop',
    'PackHMRInputs',
    'RandomBoxScale',
    'RandomCameraRoll',
    'RandomChannelNoise',
    'RandomMirror',
]
