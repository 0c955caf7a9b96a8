"""Annotation files of SPIN and its successors, for any dataset (Kolotouros et al., ICCV 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmroi.datasets.boxes import crop_boxes
from mmroi.datasets.converters.base import Converter, Part, Rows, Unit, chunks
from mmroi.datasets.converters.raw_files import find_file, open_npz, shaped
from mmroi.datasets.converters.texts import gender_letters, texts
from mmroi.fileio.npz_io import LazyNpz
from mmroi.registry import CONVERTERS

# Optional members: key in the file, shape of a row, key in our rows.
_LABELS = (
    ('S', (24, 4), 'keypoints3d'),
    ('shape', (10,), 'betas'),
    ('global_t', (3,), 'transl'),
    ('focal_l', (), 'focal_length'),
    ('has_smpl', (), 'has_smpl'),
)
# MMHuman3D's names.
_OUTPUTS = {'lsp_dataset_original_train': 'spin_lsp_train', 'hr-lspet_train': 'spin_lspet_train'}


@CONVERTERS.register_module('spin')
@dataclass(frozen=True)
class Spin(Converter):
    """A file of SPIN or its successors, an npz with one row per person.

    It has ``imgname``, ``center`` and ``scale``, and any of ``part``, ``openpose``, ``S``, ``pose`` and
    ``shape``. The 2D keypoints are SPIN's 49, that is 25 of OpenPose and 24 annotated ones, or the 24 alone.

    Args:
        root: Folder that the image names of the file are relative to.
        labels_file: The npz, relative to ``root`` or to the working directory.
    """

    labels_file: Path | None = None

    keypoints3d_convention = 'smpl_24'

    @property
    def keypoints2d_convention(self) -> str | None:
        """49 keypoints, or 24 if the file has no others."""
        keys = self._npz().keys()
        return 'smpl_49' if {'part', 'openpose'} <= set(keys) else 'smpl_24'

    def output_name(self, split: str) -> str:
        """Return the name that MMHuman3D uses."""
        stem = self._npz().path.stem
        return _OUTPUTS.get(stem, f'spin_{stem}')

    def units(self, split: str) -> Sequence[Unit]:
        """List ranges of rows."""
        return chunks(len(self._npz().read('imgname')))

    def read(self, split: str, unit: Unit) -> Part:
        """Read a range of rows."""
        npz = self._npz()
        keypoints = [key for key in ('openpose', 'part') if key in npz.keys()]
        if keypoints == ['openpose']:
            raise ValueError(f"{npz.path}: has 'openpose' but no 'part'")
        return Part(crop_rows(npz, unit.data, keypoints), {})

    def _npz(self) -> LazyNpz:
        if self.labels_file is None:
            raise ValueError('spin: name the npz to convert with --labels-file')
        path = self.root / self.labels_file
        path = path if path.is_file() else find_file(Path(), str(self.labels_file))
        return open_npz(path, ('imgname', 'center', 'scale'))


def crop_rows(npz: LazyNpz, rows: tuple[int, int], keypoints: Sequence[str] = ('part',)) -> Rows:
    """Read rows of SPIN's layout, which CLIFF's pseudo-labels share.

    People are crops with ``imgname``, ``center`` and ``scale`` = crop size / 200. ``part`` and ``S`` are
    SPIN's 24 keypoints, ``openpose`` 25.

    Args:
        npz: The file.
        rows: First row and the one after the last.
        keypoints: Members with 2D keypoints, concatenated in this order.

    Returns:
        Rows as described in ``base``.

    Raises:
        ValueError: A member has the wrong shape.
    """

    def read(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return shaped(npz.read(key)[slice(*rows)], shape, f'{npz.path}: {key!r}')

    found = npz.keys()
    result = dict(
        image_path=texts(npz.read('imgname')[slice(*rows)]),
        bbox_xywh=crop_boxes(read('center', (2,)), read('scale', ())),
    )
    numbers = dict(part=24, openpose=25)
    parts = [read(key, (numbers[key], 3)) for key in keypoints]
    if parts:
        result['keypoints2d'] = np.concatenate(parts, 1)
    result.update({name: read(key, shape) for key, shape, name in _LABELS if key in found})
    if 'pose' in found:
        pose = read('pose', (24, 3))
        result.update(global_orient=pose[:, 0], body_pose=pose[:, 1:])
    if 'has_smpl' in result:
        result['has_smpl'] = result['has_smpl'] > 0
    if 'gender' in found:
        genders = np.atleast_1d(npz.read('gender'))[slice(*rows)].ravel()
        result['gender'] = gender_letters(genders, f"{npz.path}: 'gender'")
    if 'annot_id' in found:
        result['annotation_id'] = np.asarray(npz.read('annot_id')[slice(*rows)])
    return result
