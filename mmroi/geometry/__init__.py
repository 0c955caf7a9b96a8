"""Geometry as pure functions: boxes, cameras, rotations, encoding, Procrustes, meshes and the rasterizer."""

from mmroi.geometry.boxes import (
    MAX_ROIS,
    context_box,
    crop_matrix,
    decode_box,
    encode_box,
    expand_to_aspect,
    make_rois,
    random_roi_offsets,
    roi_offsets,
    rois_in_context,
)
from mmroi.geometry.cameras import (
    average_full_camera,
    camera_spread,
    estimate_focal_length,
    full_to_local,
    local_to_full,
    project,
    to_crop_normalized,
)
from mmroi.geometry.encoding import (
    check_num_freqs,
    positional_encoding,
    released_constants,
    released_encoding,
)
from mmroi.geometry.meshes import vertex_normals
from mmroi.geometry.precision import without_autocast
from mmroi.geometry.procrustes import Similarity, fit_similarity, similarity_align
from mmroi.geometry.rasterizer import Fragments, interpolate, rasterize
from mmroi.geometry.rotations import (
    axis_angle_to_matrix,
    geodesic_distance,
    matrix_to_axis_angle,
    mean_rotation,
    mirror_matrix,
    mirror_pose,
    roll_matrix,
    rot6d_to_matrix,
)

__all__ = [
    'MAX_ROIS',
    'Fragments',
    'Similarity',
    'average_full_camera',
    'axis_angle_to_matrix',
    'camera_spread',
    'check_num_freqs',
    'context_box',
    'crop_matrix',
    'decode_box',
    'encode_box',
    'estimate_focal_length',
    'expand_to_aspect',
    'fit_similarity',
    'full_to_local',
    'geodesic_distance',
    'interpolate',
    'local_to_full',
    'make_rois',
    'matrix_to_axis_angle',
    'mean_rotation',
    'mirror_matrix',
    'mirror_pose',
    'positional_encoding',
    'project',
    'random_roi_offsets',
    'rasterize',
    'released_constants',
    'released_encoding',
    'roi_offsets',
    'rois_in_context',
    'roll_matrix',
    'rot6d_to_matrix',
    'similarity_align',
    'to_crop_normalized',
    'vertex_normals',
    'without_autocast',
]
