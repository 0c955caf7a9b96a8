"""The data samples of a batch as stacked tensors: how crops were taken, and ground truth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmroi.geometry.rotations import axis_angle_to_matrix
from mmroi.structures import HMRDataSample


class Views(NamedTuple):
    """How the crops of a batch were taken; float64.

    Attributes:
        boxes: (N, M, 3), pixels relative to the principal point.
        focal_length: (N,), pixels.
        aspect: Width of the RoIs divided by their height.
        person_ids: (N,) int64, equal for the same person; None if a sample has no ``person_id``.
    """

    boxes: Tensor
    focal_length: Tensor
    aspect: float
    person_ids: Tensor | None = None


class Labels(NamedTuple):
    """Ground truth of a batch; flags are 0 or 1, meters, pixels relative to the principal point.

    Attributes:
        rotations: Rotation matrices (N, 24, 3, 3).
        betas: (N, 10).
        keypoints2d: (N, 54, 3) with confidence.
        keypoints3d: (N, 54, 4) with confidence.
        has_smpl: (N,).
        has_keypoints2d: (N,).
        has_keypoints3d: (N,).
    """

    rotations: Tensor
    betas: Tensor
    keypoints2d: Tensor
    keypoints3d: Tensor
    has_smpl: Tensor
    has_keypoints2d: Tensor
    has_keypoints3d: Tensor


def stack_views(data_samples: Sequence[HMRDataSample], inputs: Tensor) -> Views:
    """Stack boxes and focal lengths of the samples.

    Args:
        data_samples: N samples. Without ``crop_size`` in their metainfo, ``inputs`` are crops.
        inputs: Crops (N, K, 3, H, W) or features, on the device of the result.

    Returns:
        Views: Of the N persons.
    """
    boxes = np.stack([np.asarray(sample.boxes, np.float64) for sample in data_samples])
    focal_length = np.array([sample.focal_length for sample in data_samples], np.float64)
    ids = [sample.get('person_id') for sample in data_samples]
    height, width = data_samples[0].get('crop_size', inputs.shape[-2:])
    person_ids = None if None in ids else torch.tensor(ids, dtype=torch.int64, device=inputs.device)
    return Views(
        torch.from_numpy(boxes).to(inputs.device),
        torch.from_numpy(focal_length).to(inputs.device),
        width / height,
        person_ids,
    )


def stack_labels(data_samples: Sequence[HMRDataSample], device: torch.device) -> Labels:
    """Stack ``gt_instances`` of the samples."""

    def stack(name: str) -> Tensor:
        return torch.cat([sample.gt_instances[name] for sample in data_samples]).to(device)

    pose = torch.cat([stack('global_orient')[:, None], stack('body_pose')], dim=1)
    names = ('betas', 'keypoints2d', 'keypoints3d', 'has_smpl', 'has_keypoints2d', 'has_keypoints3d')
    return Labels(axis_angle_to_matrix(pose), *map(stack, names))
