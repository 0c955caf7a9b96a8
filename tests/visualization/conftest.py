import numpy as np
import pytest
import torch
import trimesh
from mmengine.dataset import Compose

from mmroi.body_models import SMPL
from mmroi.datasets import (
    GetPersonBox,
    LoadImage,
    MultiRoICrop,
    RandomBoxScale,
    RandomCameraRoll,
    RandomChannelNoise,
    RandomMirror,
)
from mmroi.geometry import rot6d_to_matrix
from mmroi.structures import SMPL_54

FOCAL, CENTER, SIZE = 300.0, (100.0, 80.0), (160, 200)


@pytest.fixture(scope='session')
def smpl():
    return SMPL()


@pytest.fixture(scope='session')
def body(smpl):
    """Vertices of a standing person 3 m before the camera, and faces."""
    pose = rot6d_to_matrix(smpl.mean_pose6d.reshape(1, 24, 6))
    vertices = smpl(pose[:, 0], pose[:, 1:], smpl.mean_betas[None]).vertices[0].numpy()
    return vertices + np.array([0, 0.1, 4.0]), smpl.faces


@pytest.fixture(scope='session')
def ball():
    """ball(center, radius) -> vertices and faces of a ball with outward normals."""

    def make(center, radius=0.3):
        sphere = trimesh.creation.icosphere(subdivisions=3, radius=radius)
        return sphere.vertices + np.asarray(center), sphere.faces

    return make


@pytest.fixture
def person(smpl):
    return make_person(smpl, FOCAL)


@pytest.fixture
def person_of_two(smpl):
    """Seen with two focal lengths."""
    return make_person(smpl, np.array((240.0, 360.0)))


def make_person(smpl, focal_length):
    """A row of a data set whose labels agree; its photo is black but for discs on wrists and ankles."""
    orient, pose, betas = torch.tensor([[2.8, 0.3, 0.2]]), torch.zeros(1, 23, 3), torch.zeros(1, 10)
    pose[0, [16, 17], 2] = torch.tensor([-0.9, 0.5])
    pelvis = np.array((0.3, -0.1, 5.0), np.float32)
    joints = smpl(orient, pose, betas).joints[0].numpy()
    joints += pelvis - joints[0]
    center = np.array((150.0, 115.0))
    pixels = focal_length * joints[:, :2] / joints[:, 2:] + center
    image = np.zeros((240, 320, 3), np.uint8)
    rows, columns = np.mgrid[:240, :320]
    for name in ('left_wrist', 'right_wrist', 'left_ankle', 'right_ankle'):
        x, y = pixels[SMPL_54.index(name)]
        image[np.hypot(columns - x, rows - y) < 4] = 255
    low, high = pixels.min(0), pixels.max(0)
    ones = np.ones((54, 1))
    return dict(
        img=image,
        img_path='a/b/photo.jpg',
        bbox_xywh=np.array((*low, *(high - low))),
        focal_length=focal_length,
        principal_point=center,
        keypoints2d=np.hstack((pixels, ones)).astype(np.float32),
        keypoints3d=np.hstack((joints, ones)).astype(np.float32),
        global_orient=orient[0].numpy(),
        body_pose=pose[0].numpy(),
        betas=betas[0].numpy(),
        pelvis=pelvis,
        has_smpl=True,
        has_keypoints2d=True,
        has_keypoints3d=True,
        has_transl=True,
        dataset_name='unit',
        row=7,
        sample_idx=0,
    )


@pytest.fixture(params=['plain', 'augmented'])
def augmented(request):
    """``augmented(person)`` goes through a pipeline, without and with augmentation."""
    np.random.seed(0)
    change = [RandomCameraRoll(40, 1.0), RandomMirror(1.0), RandomBoxScale(0.2), RandomChannelNoise(0.4)]
    steps = [
        LoadImage(),
        GetPersonBox(),
        *(change if request.param == 'augmented' else []),
        MultiRoICrop(5, (128, 96), keep_img=True),
    ]
    return lambda row: Compose(steps)(dict(row))
