"""Converters: raw downloads in, HumanData files out (``tools/dataset_tools/convert.py``).

``base`` tells how to write one.
"""
from .base import Converter, Part, Rows, Unit
from .bedlam import Bedlam
from .convert import Summary, convert_split, to_human_data
from .in_the_wild import Coco, Lspet, Mpii
from .pw3d import Pw3d
from .spin import Spin

CONVERTERS: dict[str, type[Converter]] = {
    converter.name: converter for converter in (Coco, Mpii, Lspet, Pw3d, Spin, Bedlam)}
"""Converters by the name of their dataset."""

__all__ = ['CONVERTERS', 'Converter', 'Part', 'Rows', 'Summary', 'Unit', 'convert_split', 'to_human_data']
