"""Datasets: HumanData files, the dataset that reads them, transforms, and the synthetic studio."""
from .errors import BadSampleError
from .human_data import HumanData
from .human_image_dataset import HumanImageDataset
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
    'BadSampleError', 'GetPersonBox', 'HumanData', 'HumanImageDataset', 'LoadImage', 'MultiRoICrop',
    'PackHMRInputs', 'RandomBoxScale', 'RandomCameraRoll', 'RandomChannelNoise', 'RandomMirror'
]
