"""The way in for users: models ready to run."""

from .init_model import init_model, load_weights
from .shipped import SHIPPED, ShippedModel, find_shipped

__all__ = ['SHIPPED', 'ShippedModel', 'find_shipped', 'init_model', 'load_weights']
