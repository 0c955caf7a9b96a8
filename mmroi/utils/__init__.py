"""Helpers that every other package may import."""

from importlib import import_module

from mmroi.utils.progress import ProgressBar, track

__all__ = ['ProgressBar', 'register_all_modules', 'track']


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register all parts of this project, as the function of this name does in each package of the family.

    Args:
        init_default_scope: Also make ``mmroi`` the scope in which configs name their parts.
    """
    for package in ('apis', 'body_models', 'datasets', 'engine', 'evaluation', 'models', 'visualization'):
        import_module(f'mmroi.{package}')
    if init_default_scope:
        import_module('mmengine.registry').init_default_scope('mmroi')
