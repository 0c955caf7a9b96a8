"""Augmentations are changes of the camera: one full camera still explains the labels and every RoI."""

import pytest
import torch

from mmroi.geometry import (
    crop_matrix,
    full_to_local,
    local_to_full,
    make_rois,
    mirror_matrix,
    project,
    roi_offsets,
    roll_matrix,
    to_crop_normalized,
)
from mmroi.structures import flip_indices

CROP = (256, 192)


@pytest.mark.parametrize('mirror', [False, True])
@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 0.01), (torch.float64, 1e-6)])
def test_augmented_joints_project_to_the_augmented_keypoints(dtype, tolerance, mirror, transform_points):
    people, rois = 64, 9
    random = torch.Generator().manual_seed(int(mirror))

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(people, *shape, generator=random, dtype=torch.float64)

    focal, center = uniform(300, 3000), torch.stack((uniform(200, 1200), uniform(200, 800)), -1)
    root = torch.stack((uniform(-1.5, 1.5), uniform(-1, 1), uniform(2.5, 12)), -1)
    joints = root[:, None] + uniform(-0.8, 0.8, 54, 3)
    pixels = project(joints, torch.zeros(3), focal)

    # Augment the labels in 3D, and the keypoints and the box in 2D.
    augmentation = roll_matrix(uniform(-3.2, 3.2)) @ (mirror_matrix() if mirror else torch.eye(3).double())
    joints, moved = joints @ augmentation.mT, pixels @ augmentation[:, :2, :2].mT
    if mirror:
        flip = list(flip_indices('smpl_54'))
        joints, moved = joints[:, flip], moved[:, flip]
    size = (moved.amax(1) - moved.amin(1)).amax(-1) * uniform(0.75, 1.25)
    box = torch.cat((moved.mean(1), size[:, None]), -1)
    boxes = make_rois(box, roi_offsets(rois))

    # One camera for all: the root joint. Each RoI sees it as its own local camera.
    root = root @ augmentation.mT if root.ndim == 3 else (augmentation @ root[..., None])[..., 0]
    body = (joints - root[:, None]).to(dtype)
    local = full_to_local(root[:, None], boxes, focal).to(dtype)
    full = local_to_full(local, boxes, focal)
    projected = project(body[:, None], full, focal)
    assert projected.shape == (people, rois, 54, 2) and projected.dtype == dtype
    assert (projected - moved[:, None]).abs().max() < tolerance

    # The original keypoints, warped with the crops, meet the projection in each crop.
    matrices = crop_matrix(boxes, center[:, None], CROP, augmentation[:, None])
    original = pixels + center[:, None]
    if mirror:
        original = original[:, flip]
    in_crop = transform_points(original[:, None], matrices)
    half = torch.tensor([CROP[1] / 2, CROP[0] / 2], dtype=dtype)
    predicted = (to_crop_normalized(projected, boxes) + 1) * half
    assert (predicted - in_crop).abs().max() < tolerance
