"""Converters of raw downloads to HumanData files (``tools/dataset_tools/convert.py``).

See ``base`` and docs/customize.md for how to write one.
"""

from mmroi.datasets.converters.base import Converter, Part, Rows, Unit
from mmroi.datasets.converters.bedlam import Bedlam
from mmroi.datasets.converters.convert import Summary, convert_split, to_human_data
from mmroi.datasets.converters.h36m import H36M
from mmroi.datasets.converters.in_the_wild import Coco, Lspet, Mpii
from mmroi.datasets.converters.mpi_inf_3dhp import MpiInf3dhp
from mmroi.datasets.converters.pw3d import Pw3d
from mmroi.datasets.converters.spin import Spin

__all__ = [
    'H36M',
    'Bedlam',
    'Coco',
    'Converter',
    'Lspet',
    'MpiInf3dhp',
    'Mpii',
    'Part',
    'Pw3d',
    'Rows',
    'Spin',
    'Summary',
    'Unit',
    'convert_split',
    'to_human_data',
]
