"""User-facing functions: build a model, run it on images and videos, convert and export checkpoints."""

from mmroi.apis.inference import MultiRoIInferencer
from mmroi.apis.init_model import build_model, init_model, load_weights
from mmroi.apis.model_index import IndexedModel, find_model, read_model_index
from mmroi.apis.published import PUBLISHED, PublishedNetwork
from mmroi.apis.published_conversion import Conversion, convert_published

__all__ = [
    'Conversion',
    'IndexedModel',
    'MultiRoIInferencer',
    'PUBLISHED',
    'PublishedNetwork',
    'build_model',
    'convert_published',
    'find_model',
    'init_model',
    'load_weights',
    'read_model_index',
]
