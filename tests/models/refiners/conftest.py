"""People, and what a network might have predicted for them."""

from typing import NamedTuple

import pytest
import roma
import torch
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry import average_full_camera, full_to_local, local_to_full, make_rois, project, roi_offsets
from mmroi.structures import COCO_17, SMPL_54, Predictions

FOCAL = 600.0


class Crowd(NamedTuple):
    """N people, truth and prediction."""

    body: SMPL
    rotations: Tensor
    betas: Tensor
    translation: Tensor
    boxes: Tensor
    focal_length: Tensor
    keypoints: Tensor
    predictions: Predictions


def predict(body: SMPL, rotations: Tensor, betas: Tensor, cameras: Tensor, boxes: Tensor) -> Predictions:
    """The form of a network's predictions."""
    focal = torch.full((len(boxes),), FOCAL, dtype=torch.float64)
    rotations, betas = rotations.float(), betas.float()
    return Predictions.from_body(
        rotations,
        betas,
        body(rotations[:, :1], rotations[:, 1:], betas),
        local_cameras=cameras.float(),
        full_cameras=local_to_full(cameras, boxes, focal[:, None]).float(),
        camera_translation=average_full_camera(cameras, boxes, focal).float(),
    )


@pytest.fixture(scope='session')
def crowd() -> Crowd:
    """Six people in mild poses 4 m away; the network errs in all."""
    body, generator, count = SMPL(), torch.Generator().manual_seed(3), 6

    def noise(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, dtype=torch.float64)

    upright = torch.diag(torch.tensor([1.0, -1, -1], dtype=torch.float64))  # OpenCV's y is down
    arms_down = torch.zeros(24, 3, dtype=torch.float64)
    arms_down[16, 2], arms_down[17, 2] = -1.0, 1.0
    rotations = roma.rotvec_to_rotmat(arms_down + 0.15 * noise(24, 3))
    rotations[:, 0] = upright @ rotations[:, 0]
    betas = 0.5 * noise(10)
    translation = torch.tensor([0.2, 0.1, 4.0], dtype=torch.float64) + 0.1 * noise(3)
    focal = torch.full((count,), FOCAL, dtype=torch.float64)
    joints = body.double().forward_joints(rotations[:, :1], rotations[:, 1:], betas).joints
    body.float()
    pixels = project(joints, translation, focal)
    keypoints = torch.cat((pixels, torch.zeros(count, 54, 1, dtype=torch.float64)), dim=-1)
    keypoints[:, [SMPL_54.index(name) for name in COCO_17], 2] = 1
    low, high = pixels.amin(1), pixels.amax(1)
    base = torch.cat(((low + high) / 2, 1.2 * (high - low).amax(1, keepdim=True)), dim=1)
    boxes = torch.stack([make_rois(box, roi_offsets(5)) for box in base])
    wrong = rotations @ roma.rotvec_to_rotmat(0.2 * noise(24, 3))
    off = translation * torch.tensor([1.0, 1.0, 1.1], dtype=torch.float64)
    cameras = full_to_local(off[:, None].expand(-1, 5, -1), boxes, focal[:, None])
    predictions = predict(body, wrong, betas * 0, cameras, boxes)
    return Crowd(body, rotations, betas, translation, boxes, focal, keypoints, predictions)
