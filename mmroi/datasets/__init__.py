"""Datasets: HumanData files, the datasets that read and mix them, transforms, and the synthetic studio."""
from .errors import BadSampleError
from .human_data import HumanData
from .human_image_dataset import HumanImageDataset
from .mixed_dataset import MixedDataset
from .samplers import MixtureSampler
from .transforms import (
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
    'BadSampleError', 'GetPersonBox', 'HumanData', 'HumanImageDataset', 'LoadImage', 'MixedDataset',
    'MixtureSampler', 'MultiRoICrop', 'PackHMRInputs', 'RandomBoxScale', 'RandomCameraRoll',
    'RandomChannelNoise', 'RandomMirror'
]
