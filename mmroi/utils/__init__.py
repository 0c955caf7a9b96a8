"""Helpers that every other package may import."""

from mmroi.utils.progress import ProgressBar, track

__all__ = ['ProgressBar', 'track']
