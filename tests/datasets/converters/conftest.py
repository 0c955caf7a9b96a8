"""Raw downloads in miniature, made of open bodies whose right answers are known."""

import pickle
import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.datasets import HumanImageDataset, LoadImage
from mmroi.structures import get_convention

HEIGHT, WIDTH = 240, 320


class People(NamedTuple):
    """Bodies before one camera with the principal point in the image center.

    Attributes:
        pose: (N, 72) axis-angle, camera frame.
        betas: (N, 10).
        transl: (N, 3).
        joints: (N, 54, 3) meters.
        vertices: (N, 6890, 3) meters.
        points: (N, 54, 2) pixels.
        focal_length: Pixels.
    """

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    vertices: np.ndarray
    points: np.ndarray
    focal_length: float

    def labels(self, convention: str) -> np.ndarray:
        """(N, K, 3) keypoints of confidence 1; zero where smpl_54 has no such joint."""
        return pick(np.concatenate([self.points, np.ones_like(self.points[..., :1])], 2), convention)

    def crops(self) -> tuple[np.ndarray, np.ndarray]:
        """Centers (N, 2) and scales (N,) = size / 200 of crops with a margin of 1.2."""
        low, high = self.points.min(1), self.points.max(1)
        return (low + high) / 2, 1.2 * (high - low).max(1) / 200


def project(points: np.ndarray, focal_length: float) -> np.ndarray:
    return focal_length * points[..., :2] / points[..., 2:] + (WIDTH / 2, HEIGHT / 2)


@pytest.fixture(scope='session')
def body() -> SMPL:
    return SMPL()


@pytest.fixture(scope='session')
def people(body: SMPL) -> People:
    return make_people(body, 6)


def make_people(body: SMPL, num: int, seed: int = 0, betas: np.ndarray | None = None) -> People:
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.25, (num, 72)).astype(np.float32)
    pose[:, :3] += (np.pi, 0, 0)  # upright before an OpenCV camera
    drawn = rng.normal(0, 1, (num, 10)).astype(np.float32)
    betas = drawn if betas is None else betas
    transl = rng.uniform((-0.6, -0.4, 4), (0.6, 0.4, 6), (num, 3)).astype(np.float32)
    tensors = [torch.from_numpy(array) for array in (pose[:, :3], pose[:, 3:], betas, transl)]
    output = body(*tensors)
    focal_length = float(np.hypot(HEIGHT, WIDTH))
    joints = output.joints.numpy()
    return People(
        pose, betas, transl, joints, output.vertices.numpy(), project(joints, focal_length), focal_length
    )


def write_photos(folder: Path, names) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), np.full((HEIGHT, WIDTH, 3), 128, np.uint8))


def pick(values: np.ndarray, convention: str) -> np.ndarray:
    """(N, 54, D) in another convention, zero where smpl_54 has no such joint."""
    names = get_convention('smpl_54')
    picked = np.zeros((len(values), len(get_convention(convention)), values.shape[2]))
    for i, name in enumerate(get_convention(convention)):
        if name in names:
            picked[:, i] = values[:, names.index(name)]
    return picked


def check_projections(npz: Path, root: Path, body: SMPL, num: int, min_joints: int) -> None:
    """Bodies of the converted parameters, placed and projected, must meet the converted 2D labels."""
    dataset = HumanImageDataset(str(npz), data_prefix=dict(img_path=str(root)), pipeline=[LoadImage()])
    assert len(dataset) == num
    transl = dataset.data_list.human_data['smpl']['transl']
    for i in range(num):
        sample = dataset[i]
        vectors = [torch.from_numpy(sample[key][None]) for key in ('global_orient', 'body_pose', 'betas')]
        joints = body(*vectors, torch.from_numpy(transl[i][None].copy())).joints[0].numpy()
        if sample['has_transl']:
            np.testing.assert_allclose(joints[0], sample['pelvis'], atol=1e-3)
        points = sample['focal_length'] * joints[:, :2] / joints[:, 2:] + sample['principal_point']
        labeled = sample['keypoints2d'][:, 2] > 0
        assert labeled.sum() >= min_joints
        assert np.abs(points - sample['keypoints2d'][:, :2])[labeled].max() < 0.5
        x, y, width, height = sample['bbox_xywh']
        assert x < points[0, 0] < x + width and y < points[0, 1] < y + height


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 and NumPy 1 wrote: byte strings, and NumPy's old module names."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack('<i', len(value)) + value)

    def save_str(self, value):
        self.save_bytes(value.encode('latin1'))

    def save_global(self, value, name=None):
        module = value.__module__.replace('numpy._core', 'numpy.core')
        self.write(pickle.GLOBAL + f'{module}\n{value.__name__}\n'.encode())

    dispatch[bytes] = save_bytes
    dispatch[str] = save_str


class Payload:
    """Makes a file where it is unpickled freely."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')
