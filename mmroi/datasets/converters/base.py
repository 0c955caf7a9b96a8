"""What a converter is: raw downloads in, rows of plain arrays out.

A converter knows one download. It lists units of work and turns one unit into rows; everything else (checks,
processes, progress, resuming, joining, writing) is :func:`~mmroi.datasets.converters.convert.convert_split`::

    @dataclass(frozen=True)
    class MyConverter(Converter):
        fps: int = 10  # fields are the options: ``convert.py mine --fps 5``

        name = 'mine'
        splits = ('train', 'test')
        keypoints2d_convention = 'h36m'  # a key of mmroi.structures.CONVENTIONS

        def output_name(self, split):  # data/preprocessed_datasets/<this>.npz
            return f'mine_{split}'

        def units(self, split):  # in the order of the rows; a process takes one at a time
            return [Unit(path.stem, path) for path in list_files(self.root / split, '*.npz')]

        def read(self, split, unit):  # Rows, and how many people the protocol leaves out, by reason
            ...
            return Part(rows, {'camera not valid': 3})

and an entry in ``CONVERTERS`` of ``__init__.py``. Converters are pickled into processes; what is costly to
open is cached per process with ``functools.lru_cache`` on a module-level function.

Rows are a dictionary of arrays with R rows; only the first two are required:

===================  ==============  ===================================================================
key                  shape           meaning
===================  ==============  ===================================================================
``image_path``       (R,) str        relative to ``root``, with forward slashes; the file must exist
``bbox_xywh``        (R, 4)          pixels, with the margin of published crops (see ``boxes``)
``keypoints2d``      (R, K, 3)       pixels, confidence; joints of ``keypoints2d_convention``
``keypoints3d``      (R, K, 4)       meters, camera frame, confidence; joints of ``keypoints3d_convention``
``global_orient``    (R, 3)          axis-angle in the camera frame; with the next two all or none
``body_pose``        (R, 23, 3)      axis-angle
``betas``            (R, 10)
``transl``           (R, 3)          meters, camera frame, as smplx adds it: root joint = J0 + transl
``has_smpl``         (R,) bool       where some people have no SMPL parameters
``gender``           (R,) str        'm', 'f' or 'n'
``action``           (R,) str        what the person does, for tables per action
``focal_length``     (R,)            pixels; left away where unknown
``principal_point``  (R, 2)          pixels; left away where it is the image center
anything else        (R, ...)        goes into ``misc``
===================  ==============  ===================================================================

Faults of single people (no box, NaN, missing image, ...) are the framework's: a converter hands such rows out
as they are. It raises ``ValueError``, with the file's name, where a whole file is wrong.
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
    """A piece of work: a sequence, a file, some rows of a large file.

    Attributes:
        name: Unique in its split; stands in messages.
        data: What ``Converter.read`` needs to find it; must pickle.
    """

    name: str
    data: Any = None


class Part(NamedTuple):
    """What one unit gives.

    Attributes:
        rows: Arrays of R rows, see the module's docstring.
        left_out: How many people the dataset's protocol leaves out, by reason.
    """

    rows: Rows
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Converter(ABC):
    """A dataset's raw download.

    Args:
        root: Folder of the download; image paths are relative to it.
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
        """False where every process would have to parse a large file anew. A class attribute will do."""
        return True

    @property
    def keypoints2d_convention(self) -> str | None:
        """A key of ``mmroi.structures.CONVENTIONS``; None without such labels. A class attribute will do."""
        return None

    @property
    def keypoints3d_convention(self) -> str | None:
        """As ``keypoints2d_convention``."""
        return None

    def conventions(self, split: str) -> tuple[str | None, str | None]:
        """Conventions of the 2D and the 3D keypoints of a split, where splits differ."""
        return self.keypoints2d_convention, self.keypoints3d_convention

    @abstractmethod
    def output_name(self, split: str) -> str:
        """Name of the annotation file without ``.npz``, as MMHuman3D names it where it has one."""

    @abstractmethod
    def units(self, split: str) -> Sequence[Unit]:
        """Units of a split, in the order of the rows.

        Raises:
            FileNotFoundError: A file or folder of the download is missing; names it.
        """

    @abstractmethod
    def read(self, split: str, unit: Unit) -> Part:
        """Rows of one unit.

        Raises:
            ValueError: A file is damaged or holds something else; names it.
        """

    def settings(self) -> dict[str, Any]:
        """The options, which decide the rows; the folder does not."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != 'root'}


def chunks(num_rows: int, size: int = 4096) -> list[Unit]:
    """Units of a large file: ranges of its rows.

    Args:
        num_rows: Rows of the file.
        size: Rows of a unit.

    Returns:
        Units whose ``data`` is a slice.
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
