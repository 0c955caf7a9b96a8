from pathlib import Path

import numpy as np
import pytest

from mmroi.fileio import HumanData


@pytest.fixture(scope='session')
def people() -> HumanData:
    """Eight people with every kind of label; the numbers mean nothing."""
    rng = np.random.default_rng(0)
    num = 8
    return HumanData(
        dict(
            config='people',
            image_path=[f'{i}.png' for i in range(num)],
            bbox_xywh=np.concatenate((rng.uniform(1, 100, (num, 4)), np.ones((num, 1))), 1),
            keypoints2d=rng.uniform(1, 100, (num, 54, 3)),
            keypoints2d_mask=np.ones(54, np.uint8),
            keypoints2d_convention='smpl_54',
            keypoints3d=rng.uniform(0.1, 1, (num, 54, 4)).astype(np.float32),
            keypoints3d_mask=np.ones(54, np.uint8),
            keypoints3d_convention='smpl_54',
            smpl=dict(
                global_orient=rng.normal(size=(num, 3)),
                body_pose=rng.normal(size=(num, 23, 3)),
                betas=rng.normal(size=(num, 10)),
                transl=rng.normal(size=(num, 3)),
            ),
            meta=dict(gender=['neutral'] * num),
            misc=dict(
                focal_length=rng.uniform(300, 500, num), principal_point=rng.uniform(50, 100, (num, 2))
            ),
        )
    )


@pytest.fixture
def data_root(people: HumanData, tmp_path: Path) -> Path:
    """Folder with ``people.npz``."""
    people.dump(tmp_path / 'people.npz')
    return tmp_path
