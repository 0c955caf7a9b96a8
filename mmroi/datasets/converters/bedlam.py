"""BEDLAM: rendered people with SMPL labels (Black et al., CVPR 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmroi.datasets.boxes import crop_boxes
from mmroi.datasets.converters.base import Converter, Part, Unit
from mmroi.datasets.converters.raw_files import list_files, open_npz, shaped
from mmroi.datasets.converters.texts import gender_letters, texts
from mmroi.fileio.npz_io import LazyNpz
from mmroi.registry import CONVERTERS

_KEYS = (
    'imgname',
    'center',
    'scale',
    'pose_cam',
    'shape',
    'trans_cam',
    'cam_int',
    'cam_ext',
    'gtkps',
    'gender',
)

_NEUTRAL_BETAS = 11


@CONVERTERS.register_module('bedlam')
@dataclass(frozen=True)
class Bedlam(Converter):
    """BEDLAM with SMPL labels.

    Each scene has an npz and its images in ``<image_folder>/<scene>/png/``. The sum of ``trans_cam`` and the
    translation of ``cam_ext`` is smplx's ``transl`` in the camera frame. The first 24 of ``gtkps`` are the
    projected joints of SMPL. ``gender`` is the actor's, also where the betas are those of the neutral body;
    such rows are neutral. Close-up scenes are excluded, because their images are rotated by 90 degrees.

    Args:
        root: Folder of the download.
        labels_folder: Folder of the npz files, relative to ``root``.
        image_folder: Folder of the scenes, relative to ``root``.
    """

    labels_folder: Path = Path('training_labels/all_npz_12_smpl_training')
    image_folder: Path = Path('training_images')

    keypoints2d_convention = 'smpl'

    def output_name(self, split: str) -> str:
        """Return the name that MMHuman3D uses."""
        return f'bedlam_{split}'

    def units(self, split: str) -> Sequence[Unit]:
        """List the scenes."""
        return [Unit(path.stem, path) for path in list_files(self.root / self.labels_folder, '*.npz')]

    def read(self, split: str, unit: Unit) -> Part:
        """Read the people of a scene."""
        npz = open_npz(Path(unit.data), _KEYS)
        if npz.read('pose_cam').size == 165 * len(npz.read('imgname')):
            raise ValueError(
                f'{npz.path}: holds SMPL-X poses of 165 numbers; get the labels in SMPL form '
                '(all_npz_12_smpl_training)'
            )

        def read(key: str, *shape: int) -> np.ndarray:
            return shaped(npz.read(key), shape, f'{npz.path}: {key!r}')

        names = texts(npz.read('imgname'))
        pose, intrinsics = read('pose_cam', 24, 3), read('cam_int', 3, 3)
        folder = f'{self.image_folder.as_posix()}/{unit.name}/png'
        rows = dict(
            image_path=np.array([f'{folder}/{name}' for name in names], np.str_),
            bbox_xywh=crop_boxes(read('center', 2), read('scale')),
            keypoints2d=_keypoints(npz),
            global_orient=pose[:, 0],
            body_pose=pose[:, 1:],
            betas=_betas(npz),
            transl=read('trans_cam', 3) + read('cam_ext', 4, 4)[:, :3, 3],
            focal_length=(intrinsics[:, 0, 0] + intrinsics[:, 1, 1]) / 2,
            principal_point=intrinsics[:, :2, 2],
            gender=_genders(npz),
        )
        if 'closeup' in unit.name:
            none = {key: values[:0] for key, values in rows.items()}
            return Part(none, {'image rotated by 90 degrees': len(names)})
        return Part(rows, {})


def _keypoints(npz: LazyNpz) -> np.ndarray:
    """(R, 24, 3) with confidence 1."""
    points = npz.read('gtkps')
    if points.ndim != 3 or points.shape[1] < 24 or points.shape[2] < 2:
        raise ValueError(f"{npz.path}: 'gtkps' has shape {points.shape}, expected (N, 24 or more, 2 or 3)")
    return np.concatenate([points[:, :24, :2], np.ones((len(points), 24, 1))], 2)


def _genders(npz: LazyNpz) -> np.ndarray:
    """(R,) genders of the bodies. The file has those of the actors, whose neutral bodies have 11 betas."""
    letters = gender_letters(npz.read('gender'), f"{npz.path}: 'gender'")
    return np.full_like(letters, 'n') if _shape(npz).shape[1] == _NEUTRAL_BETAS else letters


def _betas(npz: LazyNpz) -> np.ndarray:
    """(R, 10); neutral bodies have an eleventh coefficient, which is left out."""
    return _shape(npz)[:, :10]


def _shape(npz: LazyNpz) -> np.ndarray:
    betas = np.asarray(npz.read('shape'), np.float64)
    if betas.ndim != 2 or betas.shape[1] < 10:
        raise ValueError(f"{npz.path}: 'shape' has shape {betas.shape}, expected (N, 10)")
    return betas
