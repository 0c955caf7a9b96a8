"""MPI-INF-3DHP: markerless motion capture with fourteen cameras (Mehta et al., 3DV 2017)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmroi.datasets.boxes import keypoint_boxes, with_margin
from mmroi.datasets.converters.base import Converter, Part, Rows, Unit
from mmroi.datasets.converters.input_files import version_of
from mmroi.datasets.converters.raw_files import find_file, read_mat, shaped
from mmroi.datasets.converters.video_frames import provide_frames
from mmroi.registry import CONVERTERS

_CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)  # at chest height
_NUM_CAMERAS = 14
_IMAGE_SIZE = 2048  # of the training videos
_ACTIVITIES = (
    'Standing/Walking',
    'Exercising',
    'Sitting',
    'Reaching/Crouching',
    'On The Floor',
    'Sports',
    'Miscellaneous',
)
"""Names of ``activity_annotation`` 1 to 7 in the evaluation code of the test set."""


@CONVERTERS.register_module('mpi_inf_3dhp')
@dataclass(frozen=True)
class MpiInf3dhp(Converter):
    """``S{1-8}/Seq{1,2}/annot.mat`` with videos or frames, and ``mpi_inf_3dhp_test_set/TS{1-6}``.

    Training: one frame in ``every`` of the cameras at chest height, if all 28 joints are inside the image.
    Test: all valid frames, with the 17 joints of the universal skeleton that the benchmark and MMHuman3D
    evaluate against (``univ_annot3``). Camera intrinsics come from ``camera.calibration``, or if that is
    missing, as in the test set, are fitted so that ``annot3`` projects onto ``annot2``.

    Args:
        root: Folder of the download.
        every: Keep one training frame in this many.
    """

    every: int = 10

    splits = ('train', 'test')

    def conventions(self, split: str) -> tuple[str, str]:
        """Return the conventions of 28 joints for training and 17 for the test."""
        name = 'mpi_inf_3dhp_test' if split == 'test' else 'mpi_inf_3dhp'
        return name, name

    def output_name(self, split: str) -> str:
        """Return the name that MMHuman3D uses."""
        return f'mpi_inf_3dhp_{split}'

    def units(self, split: str) -> Sequence[Unit]:
        """List the training videos or the test sequences, whose labels must all be there."""
        if split == 'test':
            sequences = [f'TS{i}' for i in range(1, 7)]
            for name in sequences:
                find_file(self.root, f'mpi_inf_3dhp_test_set/{name}/annot_data.mat')
            return [Unit(name, name) for name in sequences]
        if self.every < 1:
            raise ValueError(f'mpi_inf_3dhp: --every {self.every}, expected 1 or more')
        sequences = [f'S{subject}/Seq{take}' for subject in range(1, 9) for take in (1, 2)]
        for name in sequences:
            find_file(self.root, f'{name}/annot.mat')
        return [Unit(f'{name} camera {camera}', (name, camera)) for name in sequences for camera in _CAMERAS]

    def read(self, split: str, unit: Unit) -> Part:
        """Read a training video or a test sequence."""
        return self._read_test(unit.data) if split == 'test' else self._read_train(*unit.data)

    def _read_train(self, sequence: str, camera: int) -> Part:
        path = find_file(self.root, f'{sequence}/annot.mat')
        points, joints = read_training_labels(path, camera)
        frames = np.arange(0, len(points), self.every)
        pixels = points[frames].reshape(len(frames), -1)
        inside = (pixels.min(1) >= 0) & (pixels.max(1) < _IMAGE_SIZE)
        image_paths, in_video = _images(self.root, sequence, camera, frames[inside])
        frames = frames[inside][in_video]
        rows = _rows(
            image_paths[in_video],
            points[frames],
            joints[frames],
            _intrinsics(path.with_name('camera.calibration'), camera, points, joints),
        )
        return Part(
            {**rows, 'frame': frames},
            _counts(
                {'joint outside the image': (~inside).sum(), 'after the end of the video': (~in_video).sum()}
            ),
        )

    def _read_test(self, sequence: str) -> Part:
        folder = f'mpi_inf_3dhp_test_set/{sequence}'
        path = find_file(self.root, f'{folder}/annot_data.mat')
        labels = read_test_labels(path)
        points, valid = labels['annot2'], labels['valid_frame'] > 0
        frames = np.flatnonzero(valid)
        activities = labels['activity_annotation'][frames].astype(int)
        rows = _rows(
            np.array([f'{folder}/imageSequence/img_{frame + 1:06d}.jpg' for frame in frames], np.str_),
            points[frames],
            labels['univ_annot3'][frames],
            fit_intrinsics(points[valid], labels['annot3'][valid]),
        )
        rows['action'] = np.array([*_ACTIVITIES, 'unknown'])[
            np.where((activities >= 1) & (activities <= len(_ACTIVITIES)), activities - 1, len(_ACTIVITIES))
        ]
        return Part({**rows, 'frame': frames}, _counts({'frame not valid': (~valid).sum()}))


def read_training_labels(path: Path, camera: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the training labels of one camera.

    Args:
        path: ``annot.mat``, of MATLAB version 5 or 7.3.
        camera: 0 to 13.

    Returns:
        (F, 28, 2) pixels and (F, 28, 3) meters in the camera frame.

    Raises:
        ValueError: The file is damaged or has unexpected content.
    """
    points, joints = (labels[camera] for labels in _read_annot(path, version_of(path)))
    if len(points) != len(joints):
        raise ValueError(
            f"{path}: 'annot2' has {len(points)} frames of camera {camera}, 'annot3' has {len(joints)}"
        )
    return points, joints / 1000


@lru_cache(1)
def _read_annot(path: Path, _modified: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return 2D and 3D labels of all cameras, cached for the next camera of the sequence."""
    keys = (('annot2', 2), ('annot3', 3))
    content = read_mat(path, [key for key, _ in keys])
    try:
        points, joints = (
            [shaped(cell, (28, dim), f'{path}: {key!r}') for cell in _cells(content, key)]
            for key, dim in keys
        )
    finally:
        _close(content)
    if len(points) != _NUM_CAMERAS or len(joints) != _NUM_CAMERAS:
        raise ValueError(
            f"{path}: 'annot2' has {len(points)} cameras and 'annot3' {len(joints)}, expected {_NUM_CAMERAS}"
        )
    return points, joints


def _cells(content: Mapping[str, Any], key: str) -> list[np.ndarray]:
    if isinstance(content, h5py.File):
        return [content[reference][()].T for reference in np.ravel(content[key])]
    return list(np.atleast_1d(content[key]))


def read_test_labels(path: Path) -> dict[str, np.ndarray]:
    """Read the labels of a test sequence.

    Args:
        path: ``annot_data.mat``, of MATLAB version 7.3 or 5.

    Returns:
        ``annot2`` (F, 17, 2) pixels, ``annot3`` and ``univ_annot3`` (F, 17, 3) meters in the camera frame,
        ``valid_frame`` and ``activity_annotation`` (F,).

    Raises:
        ValueError: The file is damaged or has unexpected content.
    """
    shapes: dict[str, tuple[int, ...]] = {
        'annot2': (17, 2),
        'annot3': (17, 3),
        'univ_annot3': (17, 3),
        'valid_frame': (),
        'activity_annotation': (),
    }
    content = read_mat(path, shapes)
    try:  # in the order of axes of h5py: frames first
        arrays = {
            key: content[key][()] if isinstance(content, h5py.File) else content[key].T for key in shapes
        }
    finally:
        _close(content)
    labels = {key: shaped(arrays[key], shape, f'{path}: {key!r}') for key, shape in shapes.items()}
    for key, values in labels.items():
        if len(values) != len(labels['valid_frame']):
            raise ValueError(
                f"{path}: {key!r} has {len(values)} frames, 'valid_frame' {len(labels['valid_frame'])}"
            )
    for key in ('annot3', 'univ_annot3'):
        labels[key] /= 1000
    return labels


def _close(content: Mapping[str, Any]) -> None:
    if isinstance(content, h5py.File):
        content.close()


def fit_intrinsics(points: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Fit the pinhole camera without skew that best projects joints onto points.

    Args:
        points: (F, K, 2) pixels.
        joints: (F, K, 3) in the camera frame, in any unit.

    Returns:
        (3, 3) intrinsic matrix.
    """
    intrinsics = np.eye(3)
    for axis in range(2):
        ratio = (joints[..., axis] / joints[..., 2]).ravel()
        known = np.isfinite(ratio) & np.isfinite(points[..., axis]).ravel()
        system = np.stack([ratio[known], np.ones(known.sum())], 1)
        focal_length, center = np.linalg.lstsq(system, points[..., axis].ravel()[known], rcond=None)[0]
        intrinsics[axis, axis], intrinsics[axis, 2] = focal_length, center
    return intrinsics


def read_calibration(path: Path) -> dict[int, np.ndarray]:
    """Read the intrinsics from a calibration file of Skeletool.

    Args:
        path: ``camera.calibration``.

    Returns:
        Intrinsic matrices (3, 3) by camera number.

    Raises:
        ValueError: The file is damaged or has unexpected content.
    """
    cameras: dict[int, np.ndarray] = {}
    name = -1
    try:
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] == ['name']:
                name = int(words[1])
            elif words[:1] == ['intrinsic']:
                cameras[name] = np.array(words[1:17], np.float64).reshape(4, 4)[:3, :3]
    except (ValueError, IndexError) as error:
        raise ValueError(
            f'{path}: cannot be read ({error}); expected a calibration file of Skeletool'
        ) from error
    return cameras


def _intrinsics(path: Path, camera: int, points: np.ndarray, joints: np.ndarray) -> np.ndarray:
    if not path.is_file():
        return fit_intrinsics(points, joints)
    cameras = read_calibration(path)
    if camera not in cameras:
        raise ValueError(f'{path}: there is no camera {camera}; it has {sorted(cameras)}')
    return cameras[camera]


def _images(root: Path, sequence: str, camera: int, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return image paths, and (F,) bool: whether the video has the frame."""
    return provide_frames(
        root,
        (
            f'{sequence}/video_{camera}/{{number:06d}}.jpg',  # MMHuman3D
            f'{sequence}/imageFrames/video_{camera}/frame_{{number:06d}}.jpg',  # SPIN
            f'{sequence}/video_{camera}/frame_{{number:06d}}.jpg',  # HMR
        ),
        [f'{sequence}/imageSequence/video_{camera}.avi'],
        frames,
    )


def _rows(image_paths: np.ndarray, points: np.ndarray, joints: np.ndarray, intrinsics: np.ndarray) -> Rows:
    keypoints = np.concatenate([points, np.ones_like(points[..., :1])], 2)
    focal_lengths = np.tile(np.diag(intrinsics)[:2], (len(points), 1))
    return dict(
        image_path=image_paths,
        bbox_xywh=with_margin(keypoint_boxes(keypoints)),
        keypoints2d=keypoints,
        keypoints3d=np.concatenate([joints, np.ones_like(joints[..., :1])], 2),
        focal_length=focal_lengths.mean(1),
        focal_lengths=focal_lengths,
        principal_point=np.tile(intrinsics[:2, 2], (len(points), 1)),
    )


def _counts(counts: Mapping[str, Any]) -> dict[str, int]:
    return {reason: int(number) for reason, number in counts.items() if number}
