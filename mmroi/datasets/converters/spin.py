"""Annotation files of SPIN and its successors, whatever the dataset (Kolotouros et al., ICCV 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmroi.datasets.converters.base import Converter, Part, Unit, chunks
from mmroi.datasets.converters.crops import crop_rows
from mmroi.datasets.converters.raw_files import find_file, open_npz
from mmroi.fileio.npz_io import LazyNpz
from mmroi.registry import CONVERTERS

# MMHuman3D's names.
_OUTPUTS = {'lsp_dataset_original_train': 'spin_lsp_train', 'hr-lspet_train': 'spin_lspet_train'}


@CONVERTERS.register_module('spin')
@dataclass(frozen=True)
class Spin(Converter):
    """A file of SPIN and its successors, an npz with one row per person.

    It has ``imgname``, ``center``, ``scale``, and any of ``part``, ``openpose``, ``S``, ``pose``, ``shape``.
    Keypoints are SPIN's 49, 25 of OpenPose and 24 annotated ones, or the latter alone.

    Args:
        root: Folder that the file's image names start from.
        labels_file: The npz; a path under ``root`` or any other.
    """

    labels_file: Path | None = None

    keypoints3d_convention = 'smpl_24'

    @property
    def keypoints2d_convention(self) -> str | None:
        """49 joints, or the 24 if the file has no others."""
        keys = self._npz().keys()
        return 'smpl_49' if {'part', 'openpose'} <= set(keys) else 'smpl_24'

    def output_name(self, split: str) -> str:
        """MMHuman3D's name."""
        stem = self._npz().path.stem
        return _OUTPUTS.get(stem, f'spin_{stem}')

    def units(self, split: str) -> Sequence[Unit]:
        """Ranges of rows."""
        return chunks(len(self._npz().read('imgname')))

    def read(self, split: str, unit: Unit) -> Part:
        """Rows of a range."""
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
