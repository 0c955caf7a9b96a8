"""Write an HTML file that shows people on images and in 3D, in any browser without a network."""

from mmroi.visualization.viewer.viewer_frame import ViewerFrame
from mmroi.visualization.viewer.viewer_page import write_viewer
from mmroi.visualization.viewer.viewer_sequence import ViewerClip, ViewerSequence

__all__ = ['ViewerClip', 'ViewerFrame', 'ViewerSequence', 'write_viewer']
