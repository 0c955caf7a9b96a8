"""The way in for users: models ready to run."""

from .inference import MultiRoIInferencer
from .init_model import build_model, init_model, load_weights
from .published import PUBLISHED, PublishedNetwork
from .published_conversion import Conversion, convert_published
from .shipped import SHIPPED, ShippedModel, find_shipped

__all__ = [
    'Conversion',
    'MultiRoIInferencer',
    'PUBLISHED',
    'PublishedNetwork',
    'SHIPPED',
    'ShippedModel',
    'build_model',
    'convert_published',
    'find_shipped',
    'init_model',
    'load_weights',
]
