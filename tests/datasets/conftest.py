"""People with exact labels, as a HumanData file and as photos."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.fileio import HumanData

HEIGHT, WIDTH = 240, 320


@pytest.fixture(autouse=True)
def _numpy_seed() -> None:
    np.random.seed(0)


@pytest.fixture(scope='session')
def body() -> SMPL:
    return SMPL()


def make_people(body: SMPL, num: int, seed: int = 0) -> HumanData:
    """Random people seen by one full camera each, principal point off the image center."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int, scale: float) -> torch.Tensor:
        return torch.from_numpy(rng.normal(0, scale, (num, *shape)).astype(np.float32))

    global_orient, body_pose, betas = draw(3, scale=1.5), draw(23, 3, scale=0.3), draw(10, scale=1)
    pelvis = torch.from_numpy(rng.uniform((-0.6, -0.5, 3.5), (0.6, 0.5, 6), (num, 3)).astype(np.float32))
    transl = pelvis - body.rest_root(betas)
    joints = body(global_orient, body_pose.flatten(1), betas, transl).joints.numpy()
    focal_length = rng.uniform(300, 500, num)
    principal_point = (WIDTH / 2, HEIGHT / 2) + rng.uniform(-20, 20, (num, 2))
    keypoints2d = focal_length[:, None, None] * joints[..., :2] / joints[..., 2:] + principal_point[:, None]
    low, high = keypoints2d.min(1), keypoints2d.max(1)
    ones = np.ones((num, 54, 1))
    return HumanData(
        dict(
            config='people',
            image_path=[f'{i}.png' for i in range(num)],
            bbox_xywh=np.concatenate((low, high - low, ones[:, 0]), 1),
            keypoints2d=np.concatenate((keypoints2d, ones), 2),
            keypoints2d_mask=np.ones(54, np.uint8),
            keypoints2d_convention='smpl_54',
            keypoints3d=np.concatenate((joints, ones), 2).astype(np.float32),
            keypoints3d_mask=np.ones(54, np.uint8),
            keypoints3d_convention='smpl_54',
            smpl=dict(
                global_orient=global_orient.numpy(),
                body_pose=body_pose.numpy(),
                betas=betas.numpy(),
                transl=transl.numpy(),
            ),
            meta=dict(gender=['neutral'] * num),
            misc=dict(focal_length=focal_length, principal_point=principal_point),
        )
    )


@pytest.fixture(scope='session')
def people(body: SMPL) -> HumanData:
    return make_people(body, 8)


def write_images(folder: Path, names: list[str]) -> None:
    rng = np.random.default_rng(1)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))


@pytest.fixture
def data_root(people: HumanData, tmp_path: Path) -> Path:
    """Folder with ``people.npz`` and its photos."""
    write_images(tmp_path, list(people['image_path']))
    people.dump(tmp_path / 'people.npz')
    return tmp_path
