"""Base class of converters, which turn raw downloads into rows of plain arrays.

A converter knows one download: it lists units of work and reads one unit at a time. Everything else (checks,
processes, progress, resuming, writing) is done by :func:`~mmroi.datasets.converters.convert.convert_split`::

    @CONVERTERS.register_module('mine')
    @dataclass(frozen=True)
    class MyConverter(Converter):
        fps: int = 10  # fields are command line options: ``convert.py mine --fps 5``

        splits = ('train', 'test')
        keypoints2d_convention = 'h36m'  # a key of mmroi.structures.CONVENTIONS

        def output_name(self, split):  # data/preprocessed_datasets/<output_name>.npz
            return f'mine_{split}'

        def units(self, split):  # in the order of the rows; a process reads one at a time
            return [Unit(path.stem, path) for path in list_files(self.root / split, '*.npz')]

        def read(self, split, unit):  # rows, and the number of people that the protocol excludes, by reason
            ...
            return Part(rows, {'camera not valid': 3})

docs/customize.md has a complete example. Converters are pickled into worker processes. Cache files that are
expensive to open with ``functools.lru_cache`` on a module-level function, once per process, and give it
``input_files.version_of(path)`` as an argument, so that a changed file is read again.

Rows are a dictionary of arrays with R rows. Only the first two are required:

===================  ==============  ===================================================================
key                  shape           meaning
===================  ==============  ===================================================================
``image_path``       (R,) str        relative to ``root``, with forward slashes; the file must exist
``bbox_xywh``        (R, 4)          pixels, with the margin of published crops (see ``boxes``)
``keypoints2d``      (R, K, 3)       pixels, confidence; joints of ``keypoints2d_convention``
``keypoints3d``      (R, K, 4)       meters, camera frame, confidence; joints of ``keypoints3d_convention``
``global_orient``    (R, 3)          axis-angle in the camera frame; requires the next two
``body_pose``        (R, 23, 3)      axis-angle
``betas``            (R, 10)
``transl``           (R, 3)          meters, camera frame, as smplx adds it: root joint = J0 + transl
``has_smpl``         (R,) bool       if some people have no SMPL parameters
``gender``           (R,) str        'm', 'f' or 'n'
``action``           (R,) str        activity, for per-action tables
``focal_length``     (R,)            pixels; omit if unknown
``principal_point``  (R, 2)          pixels; omit if it is the image center
any other key        (R, ...)        stored in ``misc``
===================  ==============  ===================================================================

Converters return rows with faults (no box, NaN, missing image, ...) as they are; the framework finds them. If
a whole file is wrong, they raise a ``ValueError`` that names it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mmroi.datasets.row_checks import SMPL_KEYS
from mmroi.registry import CONVERTERS

Rows = dict[str, np.ndarray]

_SHAPES: dict[str, tuple[int, ...]] = {
    'bbox_xywh': (4,),
    'global_orient': (3,),
    'body_pose': (23, 3),
    'betas': (10,),
    'transl': (3,),
    'focal_length': (),
    'principal_point': (2,),
    'has_smpl': (),
    'gender': (),
    'image_path': (),
}


class Unit(NamedTuple):
    """A piece of work: a sequence, a file, or some rows of a large file.

    Attributes:
        name: Unique within the split; used in messages.
        data: What ``Converter.read`` needs to find it. Must be picklable.
    """

    name: str
    data: Any = None


class Part(NamedTuple):
    """Result of reading one unit.

    Attributes:
        rows: Arrays of R rows; see the docstring of the module.
        left_out: Number of people that the protocol of the dataset excludes, by reason.
    """

    rows: Rows
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Converter(ABC):
    """Raw download of a dataset.

    Args:
        root: Folder of the download. Image paths are relative to it.
    """

    root: Path

    splits: ClassVar[tuple[str, ...]] = ('train',)

    @property
    def name(self) -> str:
        """Registered name, under which messages and HumanData files mention the dataset."""
        registered = {kind: name for name, kind in CONVERTERS.module_dict.items()}
        return registered.get(type(self), type(self).__name__)

    @property
    def parallel(self) -> bool:
        """Whether units may be read in parallel. May be overridden by a class attribute.

        False if every process would have to parse the same large file.
        """
        return True

    @property
    def keypoints2d_convention(self) -> str | None:
        """Convention of the 2D keypoints, a key of ``mmroi.structures.CONVENTIONS``; None without keypoints.

        May be overridden by a class attribute.
        """
        return None

    @property
    def keypoints3d_convention(self) -> str | None:
        """Convention of the 3D keypoints; see ``keypoints2d_convention``."""
        return None

    def conventions(self, split: str) -> tuple[str | None, str | None]:
        """Return the conventions of the 2D and 3D keypoints. Override this if splits differ."""
        return self.keypoints2d_convention, self.keypoints3d_convention

    @abstractmethod
    def output_name(self, split: str) -> str:
        """Return the name of the annotation file without ``.npz``, that of MMHuman3D if there is one."""

    @abstractmethod
    def units(self, split: str) -> Sequence[Unit]:
        """List the units of a split, in the order of the rows.

        Raises:
            FileNotFoundError: A file or folder of the download is missing.
        """

    @abstractmethod
    def read(self, split: str, unit: Unit) -> Part:
        """Read the rows of one unit.

        Raises:
            ValueError: A file is damaged or has unexpected content.
        """

    def settings(self) -> dict[str, Any]:
        """Return the options that determine the rows, which is all but the folder."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != 'root'}


def chunks(num_rows: int, size: int = 4096) -> list[Unit]:
    """Divide a large file into units of consecutive rows.

    Args:
        num_rows: Number of rows of the file.
        size: Number of rows of a unit.

    Returns:
        Units whose ``data`` is the first row and the one after the last.
    """
    return [
        Unit(f'rows {start} to {min(start + size, num_rows) - 1}', (start, min(start + size, num_rows)))
        for start in range(0, num_rows, size)
    ]


def check_shapes(rows: Rows, num_joints: tuple[int | None, int | None], source: str) -> None:
    """Check that rows have the shapes in the docstring of this module.

    Args:
        rows: R rows.
        num_joints: K of ``keypoints2d`` and of ``keypoints3d``; None if the converter has no such keypoints.
        source: For messages.

    Raises:
        ValueError: If a key is missing or its shape is wrong; names the key, what was found and expected.
    """
    shapes: dict[str, tuple[int, ...] | None] = {**_SHAPES}
    for key, count, dim in zip(('keypoints2d', 'keypoints3d'), num_joints, (3, 4), strict=True):
        shapes[key] = None if count is None else (count, dim)
    missing = {'image_path', 'bbox_xywh'} - rows.keys()
    smpl = set(SMPL_KEYS[:3])
    if smpl & rows.keys() and smpl - rows.keys():
        missing |= smpl - rows.keys()
    if missing:
        raise ValueError(f'{source}: {sorted(missing)} is missing')
    num_rows = len(rows['image_path'])
    for key, values in rows.items():
        shape = shapes.get(key, values.shape[1:])
        if shape is None:
            raise ValueError(f'{source}: has {key} but the converter declares no keypoint convention for it')
        if values.shape != (num_rows, *shape):
            raise ValueError(f'{source}: {key} has shape {values.shape}, expected {(num_rows, *shape)}')
