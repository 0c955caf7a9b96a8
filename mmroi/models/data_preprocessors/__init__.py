"""Data preprocessors: from a loader's batch to a network's input."""

from mmroi.models.data_preprocessors.hmr_data_preprocessor import HMRDataPreprocessor

__all__ = ['HMRDataPreprocessor']
