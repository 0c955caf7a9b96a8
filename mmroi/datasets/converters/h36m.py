"""Human3.6M: motion capture with four cameras (Ionescu et al., PAMI 2014)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cdflib
import h5py
import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.datasets.boxes import enlarge, keypoint_boxes, with_margin
from mmroi.datasets.converters.base import Converter, Part, Rows, Unit
from mmroi.datasets.converters.h36m_cameras import H36MCamera, read_cameras
from mmroi.datasets.converters.raw_files import find_file, list_files, read_mat, read_pickle, require, shaped
from mmroi.datasets.converters.video_frames import provide_frames
from mmroi.registry import CONVERTERS

_TRAIN_SUBJECTS = ('S1', 'S5', 'S6', 'S7', 'S8')
_TEST_SUBJECTS = ('S9', 'S11')
_FRONTAL_CAMERA = '60457274'
_CAMERAS = ('54138969', '55011271', '58860488', _FRONTAL_CAMERA)  # as MoSh files number them
# Videos and poses have 50 frames per second; MoSh, training and tests use 10.
_STEP = 5
_NUM_RAW = 32
_TO_17 = (11, 6, 7, 8, 1, 2, 3, 12, 24, 14, 15, 17, 18, 19, 25, 26, 27)
"""Indices of the 17 joints of convention ``h36m`` among the 32 of the files, which contain duplicates."""
_DAMAGED = {('S11', 'Directions', '54138969')}
"""Videos that are damaged in the release itself."""
_MASK_SCALE = 0.9
"""Size of SPIN's and MMHuman3D's crops relative to the box of the mask."""


@CONVERTERS.register_module('h36m')
@dataclass(frozen=True)
class H36M(Converter):
    """``S*/MyPoseFeatures/{D2_Positions,D3_Positions_mono}/*.cdf``, videos or frames, and ``metadata.xml``.

    S1, S5, S6, S7 and S8 are the training set, S9 and S11 the test set, at 10 frames per second. Protocol 1
    uses all cameras, protocol 2 the frontal one. 3D joints are in the camera frame, either read from
    ``D3_Positions_mono`` or transformed from the world frame (``D3_Positions``). 2D labels contain the lens
    distortion, whose coefficients are in ``misc['distortion']``.

    Args:
        root: Folder of the download.
        mosh: Folder with ``S*/<action>_cam<0-3>_aligned.pkl``, absolute or relative to ``root``. Without it
            rows have no SMPL parameters. Sequences without such a file are excluded.
        universal: Use the 3D joints of the skeleton that all actors share (``D3_Positions_mono_universal``).
            They do not project onto the 2D labels.
        mask_boxes: Use the boxes of the masks (``MySegmentsMat/ground_truth_bs``), as in MMHuman3D's files,
            instead of those of the joints.
    """

    mosh: Path | None = None
    universal: bool = False
    mask_boxes: bool = False

    splits = ('train', 'valid_protocol1', 'valid_protocol2')
    keypoints2d_convention = 'h36m'
    keypoints3d_convention = 'h36m'

    def output_name(self, split: str) -> str:
        """Return the names that MMHuman3D uses."""
        return 'h36m_mosh_train' if split == 'train' and self.mosh else f'h36m_{split}'

    def units(self, split: str) -> Sequence[Unit]:
        """List the videos: one action of a subject, seen by one camera."""
        units = []
        for subject in _TRAIN_SUBJECTS if split == 'train' else _TEST_SUBJECTS:
            for path in list_files(self._folder(subject, 'D2_Positions'), '*.cdf'):
                action, _, camera = path.stem.rpartition('.')
                if action.startswith('_ALL') or (split == 'valid_protocol2' and camera != _FRONTAL_CAMERA):
                    continue
                units.append(Unit(f'{subject} {path.stem}', (subject, action, camera)))
        return units

    def read(self, split: str, unit: Unit) -> Part:
        """Read every fifth frame."""
        subject, action, camera_name = unit.data
        name = f'{action}.{camera_name}'
        path = self._folder(subject, 'D2_Positions') / f'{name}.cdf'
        points = _read_poses(path, 2)
        camera = self._camera(subject, camera_name, path)
        joints = self._joints(subject, action, camera_name, camera)
        if len(joints) != len(points):
            raise ValueError(
                f'{path}: has {len(points)} frames, the 3D poses of {subject} {name} have '
                f'{len(joints)}. Extract both downloads again'
            )
        frames = np.arange(0, len(points), _STEP)
        image_paths, in_video = _images(self.root, subject, action, camera_name, frames)
        keypoints = np.concatenate([points, np.ones_like(points[..., :1])], 2)[frames]
        rows = dict(
            image_path=image_paths,
            keypoints2d=keypoints,
            keypoints3d=np.concatenate([joints, np.ones_like(joints[..., :1])], 2)[frames],
            focal_length=np.full(len(frames), camera.focal_lengths.mean()),
            focal_lengths=np.tile(camera.focal_lengths, (len(frames), 1)),
            principal_point=np.tile(camera.principal_point, (len(frames), 1)),
            distortion=np.tile(camera.distortion, (len(frames), 1)),
            frame=frames,
        )
        kept = in_video
        left_out = Counter({'after the end of the video': int((~in_video).sum())})
        if self.mosh:
            rows.update(_mosh_rows(self._mosh_file(subject, action, camera_name), frames))
            has_mosh = rows.pop('has_mosh')
            kept = kept & has_mosh
            left_out['no MoSh parameters'] = int((in_video & ~has_mosh).sum())
        rows = {key: values[kept] for key, values in rows.items()}
        if self.mask_boxes:
            masks = self.root / subject / 'MySegmentsMat' / 'ground_truth_bs' / f'{name}.mat'
            rows['bbox_xywh'] = _mask_boxes(masks, frames[kept])
        else:
            rows['bbox_xywh'] = with_margin(keypoint_boxes(rows['keypoints2d']))
        return Part(rows, +left_out)

    def _folder(self, subject: str, kind: str) -> Path:
        """Return the folder of poses, in the layout of the archives or of h36m-fetch."""
        other = self.root / subject / f'Poses_{kind}'
        return other if other.is_dir() else self.root / subject / 'MyPoseFeatures' / kind

    def _camera(self, subject: str, camera: str, path: Path) -> H36MCamera:
        metadata = find_file(
            self.root, *(f'{folder}metadata.xml' for folder in ('', 'Release-v1.2/', 'Release-v1.1/'))
        )
        cameras = read_cameras(metadata)
        if (subject, camera) not in cameras:
            raise ValueError(
                f'{path}: there is no camera {camera!r}; {metadata} has '
                f'{sorted({name for _, name in cameras})}'
            )
        return cameras[subject, camera]

    def _joints(self, subject: str, action: str, camera_name: str, camera: H36MCamera) -> np.ndarray:
        """(F, 17, 3) meters in the camera frame."""
        mono = self._folder(subject, 'D3_Positions_mono' + '_universal' * self.universal)
        world = self._folder(subject, 'D3_Positions') / f'{action}.cdf'
        if world.is_file() and not mono.is_dir() and not self.universal:
            return camera.from_world(_read_poses(world, 3) / 1000)
        return _read_poses(find_file(mono, f'{action}.{camera_name}.cdf'), 3) / 1000

    def _mosh_file(self, subject: str, action: str, camera: str) -> Path | None:
        folder = self.root / str(self.mosh) / subject
        if not folder.is_dir():
            folder = Path(str(self.mosh)) / subject
        if not folder.is_dir():
            raise FileNotFoundError(
                f'{folder}: no such folder. --mosh names the folder that has {subject}; '
                'omit it to convert without SMPL parameters'
            )
        path = folder / f'{action}_cam{_CAMERAS.index(camera)}_aligned.pkl'
        return path if path.is_file() else None


def _images(
    root: Path, subject: str, action: str, camera: str, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return image paths, and (F,) bool: whether the video has the frame."""
    take = f'{subject}_{action.replace(" ", "_")}'
    stem = f'{take}.{camera}'
    image = f'{stem}_{{number:06d}}.jpg'
    return provide_frames(
        root,
        (
            f'{subject}/images/{stem}/{image}',  # MMHuman3D
            f'{subject}/images/{image}',  # SPIN
            f'{subject}/{take}/{stem}/{image}',  # HMR
        ),
        [f'{subject}/Videos/{action}.{camera}.mp4'],
        frames,
        optional=(subject, action, camera) in _DAMAGED,
    )


def _read_poses(path: Path, dim: int) -> np.ndarray:
    """Read (F, 17, dim) from a CDF file."""
    try:
        values = np.asarray(cdflib.CDF(path).varget('Pose'), np.float64)
    except Exception as error:  # cdflib can raise almost anything
        raise ValueError(
            f"{path}: 'Pose' cannot be read ({error}); the file is damaged, truncated or of another kind. "
            'Download it again'
        ) from error
    values = values[0] if values.ndim == 3 else values
    return shaped(values, (_NUM_RAW, dim), f"{path}: 'Pose'")[:, _TO_17]


def _mosh_rows(path: Path | None, frames: np.ndarray) -> Rows:
    """Return SMPL parameters, and in ``has_mosh`` (F,) whether the file has them.

    The parameters rotate a body whose y axis points down; SMPL's points up.
    """
    content: dict[str, Any] = dict(new_poses=np.zeros((0, 72)), betas=np.zeros(10))
    if path is not None:
        content = read_pickle(path)
        require(content, ('new_poses', 'betas'), path)
    poses = shaped(content['new_poses'], (24, 3), f"{path}: 'new_poses'")
    betas = shaped([content['betas']], (10,), f"{path}: 'betas'")
    indices = frames // _STEP
    has_mosh = indices < len(poses)
    pose = np.zeros((len(frames), 24, 3))
    pose[has_mosh] = poses[indices[has_mosh]]
    upside_down = Rotation.from_rotvec((np.pi, 0, 0))
    return dict(
        has_mosh=has_mosh,
        global_orient=(Rotation.from_rotvec(pose[:, 0]) * upside_down).as_rotvec(),
        body_pose=pose[:, 1:],
        betas=np.tile(betas, (len(frames), 1)),
        gender=np.full(len(frames), 'n'),
    )


def _mask_boxes(path: Path, frames: np.ndarray) -> np.ndarray:
    """Return the boxes (F, 4) of the masks of the frames."""
    boxes = np.full((len(frames), 4), np.nan)
    content = read_mat(find_file(path.parent, path.name), ['Masks'])
    if not isinstance(content, h5py.File):
        raise ValueError(f'{path}: expected a MATLAB file of version 7.3')
    with content:
        masks = content['Masks']
        if len(frames) and frames[-1] >= len(masks):
            raise ValueError(f"{path}: 'Masks' has {len(masks)} frames, the poses more than {frames[-1]}")
        for row, frame in enumerate(frames):
            xs, ys = np.nonzero(content[masks[frame, 0]][()])
            if len(xs):
                low, high = np.array([xs.min(), ys.min()]), np.array([xs.max(), ys.max()]) + 1
                boxes[row] = [*low, *(high - low)]
    return enlarge(boxes, _MASK_SCALE)
