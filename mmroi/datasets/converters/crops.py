"""SPIN's npz layout, which CLIFF's pseudo-labels share: people as crops with center and scale."""

from collections.abc import Sequence

import numpy as np

from mmroi.datasets.converters.base import Rows
from mmroi.datasets.converters.boxes import crop_boxes
from mmroi.datasets.converters.raw_files import shaped
from mmroi.fileio.npz_io import LazyNpz

# Key of the file, shape of a row, key of the rows; those that the file lacks are left away.
_LABELS = (
    ('S', (24, 4), 'keypoints3d'),
    ('shape', (10,), 'betas'),
    ('global_t', (3,), 'transl'),
    ('focal_l', (), 'focal_length'),
    ('has_smpl', (), 'has_smpl'),
)


def crop_rows(npz: LazyNpz, rows: tuple[int, int], keypoints: Sequence[str] = ('part',)) -> Rows:
    """Rows of a file with ``imgname``, ``center``, ``scale`` = crop size / 200 and SPIN's labels.

    Args:
        npz: The file.
        rows: First row and the one after the last.
        keypoints: Members of 2D keypoints, joined in this order.

    Returns:
        Rows. ``part`` and ``S`` are SPIN's 24 joints, ``openpose`` 25.

    Raises:
        ValueError: A member has another shape; names the file.
    """

    def read(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return shaped(npz.read(key)[slice(*rows)], shape, f'{npz.path}: {key!r}')

    found = npz.keys()
    result = dict(
        image_path=np.asarray(npz.read('imgname')[slice(*rows)]).astype(np.str_),
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
        result['gender'] = np.asarray(npz.read('gender')[slice(*rows)]).astype(np.str_)
    if 'annot_id' in found:
        result['annotation_id'] = np.asarray(npz.read('annot_id')[slice(*rows)])
    return result
