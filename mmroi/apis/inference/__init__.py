"""From photos and videos to meshes: `MultiRoIInferencer` and its parts."""

from .frames import BadInput, BadInputError, Frame
from .inferencer import MultiRoIInferencer
from .inputs import Inputs, open_inputs
from .model_index import IndexedModel, find_model, read_model_index
from .outputs import SAVES, ResultWriter
from .people import DetectedPeople, GivenPeople, People, WholeImage
from .results import FrameResult, RunSummary
from .smoothing import OneEuro
from .tracking import IoUTracker

__all__ = [
    'SAVES',
    'BadInput',
    'BadInputError',
    'DetectedPeople',
    'Frame',
    'FrameResult',
    'GivenPeople',
    'IndexedModel',
    'Inputs',
    'IoUTracker',
    'MultiRoIInferencer',
    'OneEuro',
    'People',
    'ResultWriter',
    'RunSummary',
    'WholeImage',
    'find_model',
    'open_inputs',
    'read_model_index',
]
