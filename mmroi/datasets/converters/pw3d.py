"""3DPW: videos of a moving camera, bodies from inertial sensors (von Marcard et al., ECCV 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.datasets.boxes import keypoint_boxes, with_margin
from mmroi.datasets.converters.base import Converter, Part, Rows, Unit
from mmroi.datasets.converters.raw_files import list_files, read_pickle, require, shaped
from mmroi.datasets.converters.texts import gender_letters, texts
from mmroi.registry import CONVERTERS

_KEYS = (
    'sequence',
    'poses',
    'betas',
    'trans',
    'poses2d',
    'jointPositions',
    'cam_poses',
    'campose_valid',
    'cam_intrinsics',
    'genders',
)
_MIN_CONFIDENCE = 0.5


@CONVERTERS.register_module('pw3d')
@dataclass(frozen=True)
class Pw3d(Converter):
    """3DPW: ``sequenceFiles/{train,validation,test}/*.pkl`` and ``imageFiles/``.

    Bodies are given in the world frame and transformed by the camera of each frame. As in SPIN, only frames
    with an aligned camera are used (``campose_valid``), and boxes are those of the detected keypoints with a
    margin of 20 %. Keypoints with a confidence below 0.5 are no 2D labels. ``focal_length`` is the mean of
    the two in ``misc['focal_lengths']``.
    """

    splits = ('train', 'validation', 'test')
    keypoints2d_convention = 'pw3d'
    keypoints3d_convention = 'smpl'

    def output_name(self, split: str) -> str:
        """Return the name that MMHuman3D uses."""
        return f'pw3d_{split}'

    def units(self, split: str) -> Sequence[Unit]:
        """List the sequences."""
        return [Unit(path.stem, path) for path in list_files(self.root / 'sequenceFiles' / split, '*.pkl')]

    def read(self, split: str, unit: Unit) -> Part:
        """Read the people of a sequence one after the other, each in the order of the frames."""
        path = Path(unit.data)
        data = read_pickle(path)
        if not isinstance(data, dict):
            raise ValueError(f'{path}: holds a {type(data).__name__}, expected a dictionary of {list(_KEYS)}')
        require(data, _KEYS, path)
        camera = _Camera(data, path)
        left_out = {'camera not aligned to the frame': 0, 'no joint detected': 0}
        parts = []
        for person in range(len(data['poses'])):
            rows, aligned = _person_rows(data, person, camera, path)
            detected = np.isfinite(rows['bbox_xywh']).all(1)
            left_out['camera not aligned to the frame'] += int((~aligned).sum())
            left_out['no joint detected'] += int((aligned & ~detected).sum())
            parts.append({key: values[aligned & detected] for key, values in rows.items()})
        if not parts:
            raise ValueError(f'{path}: contains no person')
        return Part(
            {key: np.concatenate([part[key] for part in parts]) for key in parts[0]},
            {reason: number for reason, number in left_out.items() if number},
        )


class _Camera:
    """Moving camera of a sequence.

    Attributes:
        rotations: (F, 3, 3) world to camera.
        translations: (F, 3).
        intrinsics: (3, 3).
    """

    def __init__(self, data: dict[str, Any], path: Path) -> None:
        poses = shaped(data['cam_poses'], (4, 4), f"{path}: 'cam_poses'")
        self.rotations, self.translations = poses[:, :3, :3], poses[:, :3, 3]
        self.intrinsics = shaped(data['cam_intrinsics'], (3,), f"{path}: 'cam_intrinsics'")

    def move(self, points: np.ndarray) -> np.ndarray:
        """Transform world points (F, K, 3) to the camera frame."""
        return np.einsum('fij,fkj->fki', self.rotations, points) + self.translations[:, None]


def _person_rows(data: dict[str, Any], person: int, camera: _Camera, path: Path) -> tuple[Rows, np.ndarray]:
    """Return rows of all frames of a person, and (F,) bool: whether the camera is aligned."""

    def read(key: str, *shape: int) -> np.ndarray:
        values = shaped(data[key][person], shape, f'{path}: {key!r} of person {person}')
        if len(values) != len(camera.rotations):
            raise ValueError(
                f'{path}: {key!r} of person {person} has {len(values)} frames, the camera '
                f'{len(camera.rotations)}'
            )
        return values

    num_frames, sequence = len(camera.rotations), texts([data['sequence']])[0]
    pose, transl, joints = read('poses', 24, 3), read('trans', 3), read('jointPositions', 24, 3)
    keypoints = read('poses2d', 3, 18).transpose(0, 2, 1)
    aligned = read('campose_valid') > 0
    rotations = np.where(aligned[:, None, None], camera.rotations, np.eye(3))
    # SMPL rotates about its root joint, which is at J0(betas) + trans.
    rest_root = joints[:, 0] - transl
    joints = camera.move(joints)
    labeled = keypoints.copy()
    labeled[keypoints[..., 2] < _MIN_CONFIDENCE] = 0
    intrinsics = camera.intrinsics
    focal_lengths = np.tile([intrinsics[0, 0], intrinsics[1, 1]], (num_frames, 1))
    rows = dict(
        image_path=np.array([f'imageFiles/{sequence}/image_{i:05d}.jpg' for i in range(num_frames)]),
        bbox_xywh=with_margin(keypoint_boxes(keypoints)),
        keypoints2d=labeled,
        keypoints3d=np.concatenate([joints, np.ones_like(joints[..., :1])], 2),
        global_orient=(Rotation.from_matrix(rotations) * Rotation.from_rotvec(pose[:, 0])).as_rotvec(),
        body_pose=pose[:, 1:],
        betas=np.tile(np.asarray(data['betas'][person], np.float64).ravel()[:10], (num_frames, 1)),
        transl=joints[:, 0] - rest_root,
        gender=np.repeat(gender_letters([data['genders'][person]], f"{path}: 'genders'"), num_frames),
        focal_length=focal_lengths.mean(1),
        focal_lengths=focal_lengths,
        principal_point=np.tile(intrinsics[:2, 2], (num_frames, 1)),
        person_id=np.full(num_frames, person),
        frame=np.arange(num_frames),
    )
    return rows, aligned
