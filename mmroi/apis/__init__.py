"""The way in for users: models ready to run."""

from mmroi.apis.inference import MultiRoIInferencer
from mmroi.apis.init_model import build_model, init_model, load_weights
from mmroi.apis.published import PUBLISHED, PublishedNetwork
from mmroi.apis.published_conversion import Conversion, convert_published
from mmroi.apis.shipped import SHIPPED, ShippedModel, find_shipped

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
