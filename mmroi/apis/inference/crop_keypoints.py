"""Keypoints of a person whose box is known, by MoveNet Thunder, whose weights come with the project."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor

from mmroi.apis.inference.frames import BadInputError
from mmroi.apis.inference.pose_peaks import read_keypoints
from mmroi.datasets.transforms.multi_roi_crop import warp_crops
from mmroi.geometry.boxes import crop_matrix
from mmroi.models.backbones.movenet_pose import MoveNetPose
from mmroi.models.pretrained_init import StrictPretrainedInit

WEIGHTS = 'checkpoints/movenet_thunder.safetensors'
CROP_SIZE = (256, 192)
_SOFTNESS = 1.8  # cells, of the published graph: the score of a center is divided by its distance


class CropKeypoints:
    """The 17 COCO keypoints of the person in the middle of a box.

    Args:
        weights: File or URL; by default the file that comes with the project.
        device: Device; by default the accelerator if there is one.
        batch_size: Number of crops in a batch.

    Raises:
        BadInputError: The weights do not exist or are not those of Thunder.
    """

    def __init__(
        self, weights: str | Path | None = None, device: str | None = None, batch_size: int = 16
    ) -> None:
        network = MoveNetPose('thunder')
        try:
            StrictPretrainedInit(str(weights or WEIGHTS))(network)
        except (FileNotFoundError, ValueError) as error:
            raise BadInputError(f'keypoints of movenet thunder: {error}') from None
        network.requires_grad_(False).to(device or get_device(), memory_format=torch.channels_last)
        self._network, self._batch_size = network.eval(), batch_size

    @torch.no_grad()
    def __call__(
        self, images: Sequence[np.ndarray], boxes: np.ndarray, principal_points: np.ndarray
    ) -> np.ndarray:
        """Find the keypoints.

        Args:
            images: (H, W, 3) BGR uint8 image of each person.
            boxes: (P, 3) base RoIs, center relative to the principal point and height, pixels.
            principal_points: (P, 2) pixels.

        Returns:
            (P, 17, 3) x and y in pixels of the image (centers at integers) and score, float64.
        """
        matrices = crop_matrix(torch.as_tensor(boxes), torch.as_tensor(principal_points), CROP_SIZE).numpy()
        found = [np.zeros((0, 17, 3))]
        for start in range(0, len(images), self._batch_size):
            rows = range(start, min(start + self._batch_size, len(images)))
            crops = np.stack([warp_crops(images[row], matrices[row][None], CROP_SIZE)[0] for row in rows])
            device = next(self._network.parameters()).device
            inputs = torch.from_numpy(crops[..., ::-1].copy()).to(device).permute(0, 3, 1, 2)
            maps = {name: m.cpu() for name, m in self._network.maps(inputs.float() / 127.5 - 1).items()}
            for number, row in enumerate(rows):
                own = {name: m[number] for name, m in maps.items()}
                points = read_keypoints(own, _middle_peak(own['center']))[0].double().numpy()
                linear, shift = matrices[row][:, :2], matrices[row][:, 2]
                points[:, :2] = (points[:, :2] - 0.5 - shift) @ np.linalg.inv(linear).T
                found.append(points[None])
        return np.concatenate(found)


def _middle_peak(center: Tensor) -> Tensor:
    """Return the cell (1, 2) of the person nearest to the middle of a map (1, H, W)."""
    height, width = center.shape[1:]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    distance = torch.hypot(columns - (width - 1) / 2, rows - (height - 1) / 2)
    best = int((center[0].sigmoid() / (distance + _SOFTNESS)).argmax())
    return torch.tensor([[best % width, best // width]])
