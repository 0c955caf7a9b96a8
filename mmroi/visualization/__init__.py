"""Pictures of meshes on photographs, drawn by the project's own z-buffer: no GPU, display or GL is needed."""

from .camera_view import draw_cameras
from .colors import PALETTE, person_colors
from .dataset_view import draw_sample, draw_thumbnail
from .keypoints import draw_keypoints
from .label_check import LabelCheck, check_labels
from .mesh_files import save_meshes
from .mesh_visualizer import MeshVisualizer
from .overlay import draw_overlay
from .rendering import Rendering, render_meshes
from .rois import draw_rois
from .sheets import overlay_triptych, tile_images
from .views import draw_side_view, draw_top_view

__all__ = [
    'PALETTE',
    'LabelCheck',
    'MeshVisualizer',
    'Rendering',
    'check_labels',
    'draw_cameras',
    'draw_keypoints',
    'draw_overlay',
    'draw_rois',
    'draw_sample',
    'draw_side_view',
    'draw_thumbnail',
    'draw_top_view',
    'overlay_triptych',
    'person_colors',
    'render_meshes',
    'save_meshes',
    'tile_images',
]
