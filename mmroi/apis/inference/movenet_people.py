"""People found by MoveNet MultiPose, whose weights come with the project."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.people import People
from mmroi.apis.inference.pose_peaks import find_peaks, read_boxes_at, read_keypoints
from mmroi.compat.mmcv_ext import nms
from mmroi.models.backbones.inverted_residuals import STRIDE
from mmroi.models.backbones.movenet_pose import MoveNetPose
from mmroi.models.pretrained_init import StrictPretrainedInit

WEIGHTS = 'checkpoints/movenet_multipose.safetensors'


class MoveNetPeople:
    """People and their 17 COCO keypoints, found by MoveNet MultiPose.

    Args:
        weights: File or URL; by default the file that comes with the project.
        device: Device; by default the accelerator if there is one.
        score_thr: Lowest score of a person.
        size: Long side of the network's input, pixels.
        batch_size: Number of frames in a batch of the network.
        max_people: Largest number of people in a frame; those with the best scores are kept.
        iou_threshold: A box whose IoU with a better one exceeds this is dropped.

    Raises:
        BadInputError: The weights do not exist or are not those of MultiPose.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str | None = None,
        score_thr: float = 0.3,
        size: int = 256,
        batch_size: int = 8,
        max_people: int = 100,
        iou_threshold: float = 0.7,
    ) -> None:
        self._network = _load(weights or WEIGHTS, device)
        self._score_thr, self._size, self._batch_size = score_thr, size, batch_size
        self._max_people, self._iou_threshold = max_people, iou_threshold

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Find people.

        Args:
            frames: The frames.

        Returns:
            One item per frame, the best score first, with ``keypoints``.
        """
        images = [_shrink(frame.image, self._size) for frame in frames]
        people: list[People | None] = [None] * len(frames)
        for chosen in _batches([_padded(image) for image in images], self._batch_size):
            maps = self._run([images[i] for i in chosen])
            for row, i in enumerate(chosen):
                people[i] = self._decode({name: m[row] for name, m in maps.items()}, images[i], frames[i])
        return [found for found in people if found is not None]

    @torch.no_grad()
    def _run(self, images: Sequence[np.ndarray]) -> dict[str, Tensor]:
        height, width = _padded(images[0])
        batch = np.zeros((len(images), height, width, 3), np.uint8)
        for row, image in zip(batch, images, strict=True):
            row[: image.shape[0], : image.shape[1]] = image[..., ::-1]
        device = next(self._network.parameters()).device
        inputs = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return {name: m.float().cpu() for name, m in self._network.maps(inputs).items()}

    def _decode(self, maps: dict[str, Tensor], image: np.ndarray, frame: Frame) -> People:
        peaks, scores = find_peaks(maps['center'], self._score_thr, self._max_people)
        height, width = image.shape[:2]
        limit = torch.tensor([width, height, width, height])
        boxes = read_boxes_at(maps, peaks).clamp(min=0).minimum(limit)
        kept = nms(boxes, scores, self._iou_threshold)
        kept = kept[(boxes[kept, 2:] > boxes[kept, :2]).all(dim=1)]
        scale = np.array(frame.image.shape[1::-1]) / (width, height)
        keypoints = read_keypoints(maps, peaks[kept]).double().numpy()
        keypoints[..., :2] = keypoints[..., :2] * scale - 0.5  # pixel centers at integers
        return People(
            boxes[kept].double().numpy() * np.tile(scale, 2), scores[kept].double().numpy(), (), keypoints
        )


def _load(weights: str | Path, device: str | None) -> MoveNetPose:
    network = MoveNetPose('multipose')
    try:
        StrictPretrainedInit(str(weights))(network)
    except (FileNotFoundError, ValueError) as error:
        raise BadInputError(f'detector movenet: {error}') from None
    device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    network.requires_grad_(False).to(device, memory_format=torch.channels_last)
    return network.eval()


def _shrink(image: np.ndarray, size: int) -> np.ndarray:
    """Resize an image so that its long side has a length."""
    height, width = image.shape[:2]
    ratio = size / max(height, width)
    shape = max(round(width * ratio), 1), max(round(height * ratio), 1)
    return cv2.resize(image, shape, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR)


def _padded(image: np.ndarray) -> tuple[int, int]:
    """Height and width, rounded up to what the network accepts."""
    height, width = image.shape[:2]
    return -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE


def _batches(shapes: Sequence[tuple[int, int]], size: int) -> Iterator[list[int]]:
    """Group indices of equal shapes."""
    by_shape: dict[tuple[int, int], list[int]] = {}
    for i, shape in enumerate(shapes):
        by_shape.setdefault(shape, []).append(i)
    for same in by_shape.values():
        yield from (same[i : i + size] for i in range(0, len(same), size))
