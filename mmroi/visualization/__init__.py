"""Draw meshes on images with the z-buffer of ``mmroi.geometry``: no GPU, display or OpenGL is needed."""

from mmroi.visualization.colors import PALETTE, person_colors
from mmroi.visualization.dataset_view import draw_sample, draw_thumbnail
from mmroi.visualization.drawing import tile_images
from mmroi.visualization.keypoints import draw_keypoints
from mmroi.visualization.label_check import LabelCheck, check_labels
from mmroi.visualization.mesh_files import save_meshes
from mmroi.visualization.mesh_visualizer import MeshVisualizer
from mmroi.visualization.rendering import Rendering, draw_overlay, render_meshes
from mmroi.visualization.rois import draw_cameras, draw_rois
from mmroi.visualization.views import draw_side_view, draw_top_view, overlay_triptych

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
