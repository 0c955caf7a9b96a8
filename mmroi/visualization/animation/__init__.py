"""Write the motion of a person as files that animation tools, engines and SMPL's tools read."""

from mmroi.visualization.animation.amass import write_amass
from mmroi.visualization.animation.bvh import write_bvh
from mmroi.visualization.animation.clips import Clip, Track
from mmroi.visualization.animation.glb import encode_glb, write_glb
from mmroi.visualization.animation.rig import JOINT_NAMES, Rig

__all__ = [
    'JOINT_NAMES',
    'Clip',
    'Rig',
    'Track',
    'encode_glb',
    'write_amass',
    'write_bvh',
    'write_glb',
]
