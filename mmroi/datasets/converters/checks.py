"""Finds people that cannot be used, and files in wrong units, before anything is written."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmroi.datasets.converters.base import Rows
from mmroi.datasets.errors import BadSampleError
from mmroi.datasets.transforms.loading import image_size
from mmroi.datasets.units import UNIT_FAULTS, too_far, too_large, too_twisted

SHAPES: dict[str, tuple[int, ...]] = {
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
_TOO_LARGE, _TOO_FAR, _TOO_TWISTED = UNIT_FAULTS
SMPL_KEYS = ('global_orient', 'body_pose', 'betas', 'transl')


def check_shapes(rows: Rows, num_joints: tuple[int | None, int | None], source: str) -> None:
    """Check that arrays have the shapes of ``base``.

    Args:
        rows: The arrays.
        num_joints: K of ``keypoints2d`` and of ``keypoints3d``; None where the converter has no such label.
        source: For messages.

    Raises:
        ValueError: Names the key, what was found and what was expected.
    """
    shapes: dict[str, tuple[int, ...] | None] = {**SHAPES}
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
            raise ValueError(f'{source}: has {key} but its converter names no convention of joints')
        if values.shape != (num_rows, *shape):
            raise ValueError(f'{source}: {key} has shape {values.shape}, expected {(num_rows, *shape)}')


def find_faults(rows: Rows, source: str) -> np.ndarray:
    """Check values.

    Args:
        rows: Arrays of the right shapes.
        source: For messages.

    Returns:
        (R,) object array: None, or what is wrong with the row.

    Raises:
        ValueError: Most rows are in wrong units, so the file as a whole is.
    """
    bbox = rows['bbox_xywh']
    labeled = rows.get('has_smpl', np.ones(len(bbox), bool)).astype(bool)
    faults = np.full(len(bbox), None, object)
    nan = np.zeros(len(bbox), bool)
    for key in ('keypoints2d', 'keypoints3d'):
        if key in rows:  # without confidence a joint may hold anything
            values = rows[key]
            nan |= ~_finite(np.where(values[..., -1:] <= 0, 0, values))
    for key in SMPL_KEYS:
        if key in rows:
            nan |= labeled & ~_finite(rows[key])
    for key in ('focal_length', 'principal_point'):
        if key in rows:
            nan |= ~_finite(rows[key])
    wrong = {}
    if 'keypoints3d' in rows:
        wrong[_TOO_LARGE] = too_large(rows['keypoints3d'])
    if 'transl' in rows:
        wrong[_TOO_FAR] = labeled & too_far(rows['transl'])
    if 'body_pose' in rows:
        rotations = np.concatenate([rows['global_orient'][:, None], rows['body_pose']], 1)
        wrong[_TOO_TWISTED] = labeled & too_twisted(rotations)
    for reason, found in wrong.items():
        if found.sum() > len(bbox) / 2:
            raise ValueError(
                f'{source}: {reason} in most rows; {UNIT_FAULTS[reason]}. Get the file that '
                'docs/data.md names, or bring this one to the right unit'
            )
        faults[found] = reason
    if 'focal_length' in rows:
        faults[rows['focal_length'] <= 0] = 'focal length'
    faults[nan] = 'NaN labels'
    faults[~(bbox[:, 2:] > 0).all(1)] = 'zero-area box'
    faults[~np.isfinite(bbox).all(1)] = 'NaN box'
    return faults


def find_image_faults(rows: Rows, root: Path, faults: np.ndarray) -> None:
    """Look whether the images of the rows can be decoded and hold the boxes.

    Args:
        rows: Arrays of the right shapes.
        root: Folder that the image paths start from.
        faults: (R,) what is wrong; gets 'missing image', 'unreadable image', 'truncated image' and 'box
            outside the image'.
    """
    paths, image_of_row = np.unique(rows['image_path'], return_inverse=True)
    found = [_image_size(root / path) for path in paths.tolist()]
    sizes = np.array([(np.inf, np.inf) if isinstance(size, str) else size for size in found])
    sizes = sizes.reshape(-1, 2)[image_of_row]
    with np.errstate(invalid='ignore'):
        bbox = rows['bbox_xywh']
        beyond = np.concatenate([bbox[:, :2] >= sizes, bbox[:, :2] + bbox[:, 2:] <= 0], 1)
        outside = np.any(beyond, axis=1)
    for row, image in enumerate(image_of_row):
        if isinstance(found[image], str):
            faults[row] = found[image]
        elif outside[row] and faults[row] is None:
            faults[row] = 'box outside the image'


def refuse(faults: Sequence[str | None] | np.ndarray, rows: Rows, source: str) -> None:
    """Stop at the first fault.

    Raises:
        BadSampleError: There is one; names where it is.
    """
    bad = [row for row, fault in enumerate(faults) if fault is not None]
    if bad:
        row, reason = bad[0], str(faults[bad[0]])
        bbox = np.round(rows['bbox_xywh'][row], 1).tolist()
        raise BadSampleError(
            reason,
            f'row {row} of {source}, image {rows["image_path"][row]}, bbox_xywh '
            f'{bbox}; {len(bad) - 1} more bad rows there. Correct the download, or leave '
            'such rows out and count them with --skip-bad',
        )


def _finite(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values).all(tuple(range(1, values.ndim)))


def _image_size(path: Path) -> tuple[int, int] | str:
    """Width and height, or what is wrong with the image."""
    try:
        height, width = image_size(str(path))
    except BadSampleError as error:
        return error.reason
    return width, height
