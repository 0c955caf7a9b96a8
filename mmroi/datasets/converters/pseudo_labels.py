"""SMPL pseudo-labels of images in the wild."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.datasets.boxes import crop_boxes
from mmroi.datasets.converters.base import Part, Unit, chunks
from mmroi.datasets.converters.input_files import version_of
from mmroi.datasets.converters.raw_files import open_npz, read_json, require, shaped
from mmroi.datasets.converters.spin import crop_rows
from mmroi.fileio.npz_io import LazyNpz

_CLIFF_KEYS = ('imgname', 'center', 'scale', 'part', 'pose', 'shape', 'global_t', 'focal_l')
_EFT_KEYS = (
    'imageName',
    'parm_pose',
    'parm_shape',
    'parm_cam',
    'bbox_center',
    'bbox_scale',
    'gt_keypoint_2d',
)


class CliffLabels:
    """``*_cliffGT.npz`` of the CLIFF annotator (Li et al., ECCV 2022; v1).

    Members: ``imgname``, ``center``, ``scale`` = height of the 3:4 crop / 200, ``part`` (24, 3), ``pose``
    (72), ``shape`` (10), ``global_t`` = smplx's ``transl`` in the full-frame camera, ``focal_l`` = diagonal
    of the image (the principal point is its center), ``S`` (24, 4) relative to the pelvis, ``annot_id`` for
    COCO.

    Args:
        path: The file.
    """

    parallel = True
    keypoints2d_convention = 'smpl_24'
    keypoints3d_convention = 'smpl_24'

    def __init__(self, path: Path) -> None:
        self.path = path

    def units(self) -> Sequence[Unit]:
        """List ranges of rows."""
        return chunks(len(self._npz().read('imgname')))

    def read(self, unit: Unit) -> Part:
        """Read a range of rows."""
        return Part(crop_rows(self._npz(), unit.data), {})

    def _npz(self) -> LazyNpz:
        return open_npz(self.path, _CLIFF_KEYS)


class EftLabels:
    """JSON of exemplar fine-tuning (EFT; Joo et al., 3DV 2021).

    Records: ``imageName``, ``bbox_center``, ``bbox_scale`` = crop size / 200, ``parm_pose`` (24, 3, 3)
    rotation matrices, ``parm_shape`` (10), ``gt_keypoint_2d`` (49, 3) pixels of the image. ``parm_cam``, the
    weak-perspective camera of the crop, is kept as it is.

    Args:
        path: The file.
        image_folder: Folder of the images, relative to the root of the download.
    """

    parallel = False
    keypoints2d_convention = 'smpl_49'
    keypoints3d_convention = None

    def __init__(self, path: Path, image_folder: str) -> None:
        self.path = path
        self.image_folder = PurePosixPath(image_folder)

    def units(self) -> Sequence[Unit]:
        """List ranges of records."""
        return chunks(len(self._records()))

    def read(self, unit: Unit) -> Part:
        """Read a range of rows."""
        records = self._records()[slice(*unit.data)]

        def values(key: str, *shape: int) -> np.ndarray:
            found = [record.get(key) for record in records]
            return shaped(found, shape, f'{self.path}, {unit.name}: {key!r}')

        # Some versions contain paths of the authors' machine.
        names = [self.image_folder / PurePosixPath(record['imageName']).name for record in records]
        pose = to_rotvecs(values('parm_pose', 24, 3, 3))
        rows = dict(
            image_path=np.array([str(name) for name in names]),
            bbox_xywh=crop_boxes(values('bbox_center', 2), values('bbox_scale')),
            keypoints2d=values('gt_keypoint_2d', 49, 3),
            global_orient=pose[:, 0],
            body_pose=pose[:, 1:],
            betas=values('parm_shape', 10),
            weak_camera=values('parm_cam', 3),
        )
        return Part(rows, {})

    def _records(self) -> list[dict[str, Any]]:
        return _eft_records(self.path, version_of(self.path))


def to_rotvecs(matrices: np.ndarray) -> np.ndarray:
    """Convert rotation matrices to axis-angle.

    Args:
        matrices: (..., 3, 3).

    Returns:
        (..., 3); NaN where a matrix is not a rotation.
    """
    flat = matrices.reshape(-1, 3, 3)
    good = np.isfinite(flat).all((1, 2))
    good[good] = np.linalg.det(flat[good]) > 0
    vectors = np.full((len(flat), 3), np.nan)
    vectors[good] = Rotation.from_matrix(flat[good]).as_rotvec()
    return vectors.reshape(*matrices.shape[:-2], 3)


@lru_cache(1)
def _eft_records(path: Path, _modified: int) -> list[dict[str, Any]]:
    records = read_json(path, ['data'])['data']
    if not isinstance(records, list) or not records:
        raise ValueError(f'{path}: holds no list of people under "data"')
    require(records[0], _EFT_KEYS, path)
    return records
