"""Studio recordings in miniature: open bodies in a world, before cameras that stand still."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from mmroi.body_models import SMPL
from mmroi.datasets import GetPersonBox, HumanImageDataset, LoadImage, MultiRoICrop, PackHMRInputs
from mmroi.structures import get_convention

WIDTH, HEIGHT = 256, 240
PIPELINE = [
    LoadImage(),
    GetPersonBox(scale=1.0),
    MultiRoICrop(num_rois=1, crop_size=(32, 24)),
    PackHMRInputs(),
]


class Camera(NamedTuple):
    """A camera whose lens may distort.

    Attributes:
        angles: (3,) radians; world to camera is X, then Y, then Z of the camera's axes.
        center: (3,) meters in the world.
        intrinsics: (3, 3).
        distortion: (5,) as OpenCV orders them.
    """

    angles: np.ndarray
    center: np.ndarray
    intrinsics: np.ndarray
    distortion: np.ndarray

    @property
    def rotation(self) -> np.ndarray:
        (a, b, c), sin, cos = self.angles, np.sin, np.cos
        x = np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])
        y = np.array([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]])
        z = np.array([[cos(c), -sin(c), 0], [sin(c), cos(c), 0], [0, 0, 1]])
        return x @ y @ z

    def move(self, points: np.ndarray) -> np.ndarray:
        return (points - self.center) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points of the camera's frame."""
        flat = points.reshape(-1, 1, 3)
        pixels, _ = cv2.projectPoints(flat, np.zeros(3), np.zeros(3), self.intrinsics, self.distortion)
        return pixels.reshape(*points.shape[:-1], 2)


def make_camera(yaw: float, scale: float = 1.0, distortion=(0, 0, 0, 0, 0)) -> Camera:
    """A camera that looks at a world with z up, four meters from its origin."""
    rotation = Rotation.from_euler('X', 90, degrees=True) * Rotation.from_euler('Z', yaw, degrees=True)
    intrinsics = np.array([[290.0 * scale, 0, 131 * scale], [0, 292 * scale, 118 * scale], [0, 0, 1]])
    return Camera(
        rotation.as_euler('XYZ'),
        rotation.inv().apply((0.1, -1, -4)),
        intrinsics,
        np.array(distortion, np.float64),
    )


class Performance(NamedTuple):
    """A person's movement in the world (z up).

    Attributes:
        pose: (F, 72) axis-angle.
        betas: (10,).
        joints: (F, 54, 3) meters, smpl_54.
        joints_h36m: (F, 17, 3) meters.
    """

    pose: np.ndarray
    betas: np.ndarray
    joints: np.ndarray
    joints_h36m: np.ndarray


def perform(body: SMPL, frames: int, seed: int = 0) -> Performance:
    rng = np.random.default_rng(seed)
    pose = 0.25 * rng.normal(size=(1, 72)) + np.linspace(0, 0.3, frames)[:, None] * rng.normal(size=(1, 72))
    stand = Rotation.from_euler('X', 90, degrees=True)
    pose[:, :3] = (stand * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    betas = rng.normal(size=10)
    transl = np.array([0, 0, 1.0]) + rng.normal(0, 0.1, (frames, 3))
    tensors = [
        torch.as_tensor(array, dtype=torch.float32)
        for array in (pose[:, :3], pose[:, 3:], np.tile(betas, (frames, 1)), transl)
    ]
    output = body(*tensors)
    return Performance(
        pose, betas, output.joints.numpy().astype(np.float64), output.joints_h36m.numpy().astype(np.float64)
    )


def named(joints: np.ndarray, convention: str) -> np.ndarray:
    """smpl_54 joints in another convention; those that it has not are where the pelvis is."""
    names = get_convention('smpl_54')
    columns = [names.index(name) if name in names else 0 for name in get_convention(convention)]
    return joints[:, columns]


def write_video(path: Path, frames: int, codec: str, size=(WIDTH, HEIGHT)) -> None:
    """Frames whose gray level is ten times their index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 50, size)
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.full((size[1], size[0], 3), 10 * index % 250, np.uint8))
    writer.release()


def gray_level(path: Path) -> float:
    image = cv2.imread(str(path))
    assert image is not None, path
    return float(image.mean())


def samples_of(npz: Path, root: Path, joints_of: Callable[[dict, int], np.ndarray]) -> list[dict]:
    """Data samples of a file; ``joints_of(sample, frame)`` gives the joints (17, 3) that are predicted."""
    dataset = HumanImageDataset(str(npz), data_prefix=dict(img_path=str(root)), pipeline=PIPELINE)
    samples = []
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples'].to_dict()
        frame = int(Path(sample['img_path']).stem.split('_')[-1]) - 1  # file names count from 1
        joints = torch.as_tensor(joints_of(sample, frame), dtype=torch.float32)[None]
        sample['pred_instances'] = dict(
            joints_h36m=joints,
            joints3d=torch.zeros(1, 54, 3),
            vertices=torch.zeros(1, 6890, 3),
            global_orient=torch.eye(3)[None],
            camera_translation=torch.ones(1, 3),
            full_cameras=torch.ones(1, 1, 3),
        )
        samples.append(sample)
    return samples
