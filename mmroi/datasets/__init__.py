"""Datasets: HumanData files, the dataset that reads them, transforms, and the synthetic studio."""
from .human_data import HumanData

__all__ = ['HumanData']
