"""Data preprocessors: from the batch of a data loader to the input of a network."""

from mmroi.models.data_preprocessors.hmr_data_preprocessor import HMRDataPreprocessor

__all__ = ['HMRDataPreprocessor']
