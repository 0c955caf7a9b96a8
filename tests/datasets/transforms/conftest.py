import numpy as np
import pytest

from mmroi.datasets import GetPersonBox


@pytest.fixture
def sample() -> dict:
    """A sample after GetPersonBox, with a plain gradient as image."""
    rng = np.random.default_rng(0)
    image = np.zeros((120, 160, 3), np.uint8)
    image[..., 0] = np.arange(160)
    image[..., 1] = np.arange(120)[:, None]
    image[..., 2] = 100
    results = dict(
        img=image,
        img_shape=(120, 160),
        img_path='a.png',
        bbox_xywh=np.array((60.0, 20.0, 30.0, 60.0)),
        principal_point=np.array((78.0, 61.0)),
        focal_length=200.0,
        keypoints2d=rng.uniform(0, 100, (54, 3)).astype(np.float32),
        keypoints3d=rng.uniform(1, 3, (54, 4)).astype(np.float32),
        global_orient=rng.normal(size=3).astype(np.float32),
        body_pose=rng.normal(size=(23, 3)).astype(np.float32),
        betas=rng.normal(size=10).astype(np.float32),
        pelvis=np.array((0.1, 0.2, 3.0), np.float32),
        has_smpl=True,
        has_keypoints2d=True,
        has_keypoints3d=True,
        has_transl=False,
        gender='neutral',
        dataset_name='unit',
        sample_idx=3,
    )
    return GetPersonBox()(results)
