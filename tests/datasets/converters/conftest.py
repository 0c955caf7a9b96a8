"""Raw downloads in miniature, made of open bodies whose right answers are known."""
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL

HEIGHT, WIDTH = 240, 320


class People(NamedTuple):
    """Bodies before one camera with the principal point in the image centre.

    Attributes:
        pose: (N, 72) axis-angle, camera frame.
        betas: (N, 10).
        transl: (N, 3).
        joints: (N, 54, 3) metres.
        vertices: (N, 6890, 3) metres.
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

    def labels(self, rows) -> np.ndarray:
        """(N, len(rows), 3) keypoints with confidence 1: ``rows`` of smpl_54."""
        points = self.points[:, rows]
        return np.concatenate([points, np.ones_like(points[..., :1])], 2)


def project(points: np.ndarray, focal_length: float) -> np.ndarray:
    return focal_length * points[..., :2] / points[..., 2:] + (WIDTH / 2, HEIGHT / 2)


@pytest.fixture(scope='session')
def body() -> SMPL:
    return SMPL()


@pytest.fixture(scope='session')
def people(body: SMPL) -> People:
    return make_people(body, 6)


def make_people(body: SMPL, num: int, seed: int = 0) -> People:
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.25, (num, 72)).astype(np.float32)
    pose[:, :3] += (np.pi, 0, 0)  # upright before an OpenCV camera
    betas = rng.normal(0, 1, (num, 10)).astype(np.float32)
    transl = rng.uniform((-0.6, -0.4, 4), (0.6, 0.4, 6), (num, 3)).astype(np.float32)
    tensors = [torch.from_numpy(array) for array in (pose[:, :3], pose[:, 3:], betas, transl)]
    output = body(*tensors)
    focal_length = float(np.hypot(HEIGHT, WIDTH))
    joints = output.joints.numpy()
    return People(pose, betas, transl, joints, output.vertices.numpy(), project(joints, focal_length),
                  focal_length)


def write_photos(folder: Path, names) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
