"""Converters: raw downloads in, HumanData files out (``tools/dataset_tools/convert.py``).

``base`` tells how to write one.
"""
from .base import Converter, Part, Rows, Unit
from .convert import Summary, convert_split, to_human_data

CONVERTERS: dict[str, type[Converter]] = {}
"""Converters by the name of their dataset."""

__all__ = ['CONVERTERS', 'Converter', 'Part', 'Rows', 'Summary', 'Unit', 'convert_split', 'to_human_data']
