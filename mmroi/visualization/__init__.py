"""Pictures of meshes on photographs, drawn by the project's own z-buffer: no GPU, display or GL is needed."""

from .dataset_view import draw_sample, draw_thumbnail
from .keypoints import draw_keypoints
from .label_check import LabelCheck, check_labels
from .overlay import draw_overlay, draw_side_view, overlay_triptych, tile_images
from .rendering import PALETTE, Rendering, render_meshes

__all__ = [
    'PALETTE',
    'LabelCheck',
    'Rendering',
    'check_labels',
    'draw_keypoints',
    'draw_overlay',
    'draw_sample',
    'draw_side_view',
    'draw_thumbnail',
    'overlay_triptych',
    'render_meshes',
    'tile_images',
]
