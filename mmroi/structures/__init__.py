"""Data structures: ``HMRDataSample``, ``Predictions`` and keypoint conventions."""

from mmroi.structures.annotated_joints import annotated_joint
from mmroi.structures.hmr_data_sample import LABELS, HMRDataSample
from mmroi.structures.keypoint_names import (
    COCO_17,
    H36M_17,
    HUMAN_DATA_190,
    SMPL_24,
    SMPL_54,
    SMPL_VERTEX_IDS,
    SPIN_24,
)
from mmroi.structures.keypoints import (
    CONVENTIONS,
    H36M_TO_J14,
    SMPL_PARENTS,
    convert_keypoints,
    flip_indices,
    get_convention,
)
from mmroi.structures.predictions import Predictions

__all__ = [
    'COCO_17',
    'CONVENTIONS',
    'H36M_17',
    'H36M_TO_J14',
    'HUMAN_DATA_190',
    'LABELS',
    'SMPL_24',
    'SMPL_54',
    'SMPL_PARENTS',
    'SMPL_VERTEX_IDS',
    'SPIN_24',
    'HMRDataSample',
    'Predictions',
    'annotated_joint',
    'convert_keypoints',
    'flip_indices',
    'get_convention',
]
