"""Inference on images and videos: ``MultiRoIInferencer`` and its parts."""

from mmroi.apis.inference.detectors import make_detector
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.given_people import GivenPeople
from mmroi.apis.inference.inferencer import MultiRoIInferencer
from mmroi.apis.inference.inputs import Inputs, open_inputs
from mmroi.apis.inference.movenet_people import MoveNetPeople
from mmroi.apis.inference.outputs import SAVES, ResultWriter
from mmroi.apis.inference.people import DetectedPeople, People, WholeImage
from mmroi.apis.inference.results import FrameResult, RunSummary
from mmroi.apis.inference.smoothing import OneEuro
from mmroi.apis.inference.tracking import IoUTracker

__all__ = [
    'SAVES',
    'BadInput',
    'BadInputError',
    'DetectedPeople',
    'Frame',
    'FrameResult',
    'GivenPeople',
    'Inputs',
    'IoUTracker',
    'MoveNetPeople',
    'MultiRoIInferencer',
    'OneEuro',
    'People',
    'ResultWriter',
    'RunSummary',
    'WholeImage',
    'make_detector',
    'open_inputs',
]
