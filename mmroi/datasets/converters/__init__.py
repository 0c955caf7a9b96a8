"""Converters: raw downloads in, HumanData files out (``tools/dataset_tools/convert.py``).

``base`` tells how to write one.
"""
from .base import Converter, Part, Rows, Unit
from .bedlam import Bedlam
from .convert import Summary, convert_split, to_human_data
from .h36m import H36M
from .in_the_wild import Coco, Lspet, Mpii
from .mpi_inf_3dhp import MpiInf3dhp
from .pw3d import Pw3d
from .spin import Spin

CONVERTERS: dict[str, type[Converter]] = {
    converter.name: converter for converter in (H36M, MpiInf3dhp, Coco, Mpii, Lspet, Pw3d, Spin, Bedlam)}
"""Converters by the name of their dataset."""

__all__ = ['CONVERTERS', 'Converter', 'Part', 'Rows', 'Summary', 'Unit', 'convert_split', 'to_human_data']
