"""Pictures of meshes on photographs, drawn by the project's own z-buffer: no GPU, display or GL is needed."""

from .overlay import draw_overlay, draw_side_view, overlay_triptych, tile_images
from .rendering import PALETTE, Rendering, render_meshes

__all__ = [
    'PALETTE',
    'Rendering',
    'draw_overlay',
    'draw_side_view',
    'overlay_triptych',
    'render_meshes',
    'tile_images',
]
