"""People found by MoveNet MultiPose, whose weights come with the project."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor

from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.people import People
from mmroi.apis.inference.pose_peaks import find_peaks, read_boxes_at, read_keypoints
from mmroi.compat.mmcv_ext import nms
from mmroi.models.backbones.inverted_residuals import STRIDE
from mmroi.models.backbones.movenet_pose import MoveNetPose
from mmroi.models.pretrained_init import StrictPretrainedInit

WEIGHTS = 'checkpoints/movenet_multipose.safetensors'
_SHA256 = '7a2d31e1616f1f7d349eee0fd022cb4978ebbfcdf8148a94fad45979aa55f7ad'

# Long side of a person in the network's input, pixels. Many smaller people are missed. Those above twice that
# size are found at the coarser scale, and the larger they are, the more they fall into parts.
SMALL = 80
# Below the usual threshold: at a scale where people are small, their scores are low.
HINT = 0.15
MAX_ZOOM = 5  # the more an image is enlarged, the more often one person is found twice
MAX_SIZE, CROWD_SIZE = 1024, 2048  # long sides of the network's input, pixels
CROWD = 10  # small people at MAX_SIZE that make CROWD_SIZE worth its seconds


class MoveNetPeople:
    """People and their 17 COCO keypoints, found by MoveNet MultiPose.

    Frames are seen at ``size`` first. Where that finds nobody, or people who are small, or hints of them, it
    is doubled up to ``max_size``, and people are taken from the scale that suits their size.

    Args:
        weights: File or URL; by default the file that comes with the project.
        device: Device; by default the accelerator if there is one.
        score_thr: Lowest score of a person.
        size: Long side of the network's first input, pixels.
        max_size: Maximum long side of its inputs, for small people; by default 1024, and 2048 where at least
            ten people are small at 1024.
        batch_size: Number of frames in a batch at ``size``; of larger inputs as many as have the same area.
        max_people: Maximum number of people in a frame; those with the best scores are kept. By default all.
        iou_threshold: A box whose IoU with a better one exceeds this is dropped.

    Raises:
        BadInputError: The weights do not exist or are not those of MultiPose, or ``max_size`` is too small.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str | None = None,
        score_thr: float = 0.3,
        size: int = 256,
        max_size: int | None = None,
        batch_size: int = 8,
        max_people: int | None = None,
        iou_threshold: float = 0.6,
    ) -> None:
        if max_size is not None and max_size < STRIDE:
            raise BadInputError(f'detector movenet sees at least {STRIDE} pixels, not {max_size}')
        self._network = _load(weights or WEIGHTS, device)
        self._score_thr, self._size = score_thr, min(size, max_size or size)
        self._max_size, self._crowd_size = max_size or MAX_SIZE, max_size or CROWD_SIZE
        self._batch_size, self._max_people, self._iou_threshold = batch_size, max_people, iou_threshold

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Find people.

        Args:
            frames: The frames.

        Returns:
            One item per frame, the best score first, with ``keypoints``.
        """
        found: list[list[PeopleAtScale]] = [[] for _ in frames]
        pending, size = list(range(len(frames))), self._size
        while pending:
            for i, scale in zip(pending, self._look([frames[i].image for i in pending], size), strict=True):
                found[i].append(scale)
            size *= 2
            pending = [
                i
                for i in pending
                if size <= MAX_ZOOM * max(frames[i].image.shape[:2]) and self._is_worth(size, found[i])
            ]
        return [self.merge(scales) for scales in found]

    def _is_worth(self, size: int, scales: Sequence['PeopleAtScale']) -> bool:
        """Whether more people may be found at the next size."""
        small = scales[-1].sides < SMALL
        if size > self._max_size:
            crowd = int((small & (scales[-1].scores >= self._score_thr)).sum()) >= CROWD
            return crowd and size <= self._crowd_size
        nobody = all((scale.scores < self._score_thr).all() for scale in scales)
        return nobody or bool(small.any())

    def _look(self, images: Sequence[np.ndarray], size: int) -> list['PeopleAtScale']:
        """Find people at one scale."""
        resized = [_resize(image, size) for image in images]
        batch_size = max(self._batch_size * self._size**2 // size**2, 1)
        found = {}
        for batch in _batches([_padded(image) for image in resized], batch_size):
            maps = self._run([resized[i] for i in batch])
            for row, i in enumerate(batch):
                people = self._decode({name: m[row] for name, m in maps.items()}, resized[i].shape[1::-1])
                found[i] = people.scaled(np.divide(images[i].shape[1::-1], resized[i].shape[1::-1]))
        return [found[i] for i in range(len(images))]

    @torch.no_grad()
    def _run(self, images: Sequence[np.ndarray]) -> dict[str, Tensor]:
        height, width = _padded(images[0])
        batch = np.zeros((len(images), height, width, 3), np.uint8)
        for row, image in zip(batch, images, strict=True):
            row[: image.shape[0], : image.shape[1]] = image[..., ::-1]
        device = next(self._network.parameters()).device
        # the layout in memory is channels last, as that of the weights
        inputs = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return {name: m.cpu() for name, m in self._network.maps(inputs).items()}

    def _decode(self, maps: dict[str, Tensor], image_size: Sequence[int]) -> 'PeopleAtScale':
        peaks, scores = find_peaks(maps['center'], min(HINT, self._score_thr))
        boxes = read_boxes_at(maps, peaks).clamp(min=0).minimum(torch.tensor(image_size).repeat(2))
        kept = nms(boxes, scores, self._iou_threshold)
        kept = kept[(boxes[kept, 2:] > boxes[kept, :2]).all(dim=1)]
        sides = (boxes[kept, 2:] - boxes[kept, :2]).amax(1)
        return PeopleAtScale(
            boxes[kept].double(), scores[kept].double(), read_keypoints(maps, peaks[kept]).double(), sides
        )

    def merge(self, scales: Sequence['PeopleAtScale']) -> People:
        """Take each person from the scale that suits best, of two that overlap."""
        chosen = []
        for number, scale in enumerate(scales):
            wanted = scale.scores >= self._score_thr
            if number > 0:
                wanted &= scale.sides <= 2 * SMALL
            finer = [other.boxes[other.scores >= self._score_thr] for other in scales[number + 1 :]]
            if finer:  # boxes of small people are too imprecise to overlap as those of one scale do
                wanted &= (scale.sides >= SMALL) | ~_seen(scale.boxes, torch.cat(finer))
            ranks = (
                scale.scores + 1.0 * (scale.sides >= SMALL) if scale is not scales[-1] else scale.scores + 1
            )
            chosen.append([values[wanted] for values in (scale.boxes, scale.scores, scale.keypoints, ranks)])
        boxes, scores, keypoints, ranks = (torch.cat(values) for values in zip(*chosen, strict=True))
        kept = nms(boxes, ranks, self._iou_threshold)
        kept = kept[scores[kept].argsort(descending=True, stable=True)][: self._max_people]
        return People(boxes[kept].numpy(), scores[kept].numpy(), (), keypoints[kept].numpy())


@dataclass(frozen=True)
class PeopleAtScale:
    """People found at one scale.

    Attributes:
        boxes: (P, 4) x1, y1, x2, y2 in pixels of the frame.
        scores: (P,).
        keypoints: (P, 17, 3) x and y in pixels of the frame, and score.
        sides: (P,) long sides of the boxes in pixels of the network's input.
    """

    boxes: Tensor
    scores: Tensor
    keypoints: Tensor
    sides: Tensor

    def scaled(self, factors: np.ndarray) -> 'PeopleAtScale':
        """Multiply positions in the network's input by x and y factors, which gives pixels of the frame."""
        factor = torch.as_tensor(factors)
        points = self.keypoints[..., :2] * factor - 0.5  # pixel centers at integers
        keypoints = torch.cat([points, self.keypoints[..., 2:]], dim=-1)
        return PeopleAtScale(self.boxes * factor.repeat(2), self.scores, keypoints, self.sides)


def _seen(coarse: Tensor, fine: Tensor) -> Tensor:
    """Whether there are boxes of the same people at finer scales: alike in size, half within each other.

    Args:
        coarse: (P, 4) x1, y1, x2, y2.
        fine: (Q, 4).

    Returns:
        (P,) bool.
    """
    one, other = coarse[:, None], fine[None]
    shared = (
        torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])
    ).clamp(0)
    sizes = [box[..., 2:] - box[..., :2] for box in (one, other)]
    areas, sides = [size.prod(-1) for size in sizes], [size.amax(-1) for size in sizes]
    overlap = shared.prod(-1) / torch.minimum(*areas)
    return ((overlap > 0.5) & (torch.maximum(*sides) < 2 * torch.minimum(*sides))).any(1)


def _load(weights: str | Path, device: str | None) -> MoveNetPose:
    network = MoveNetPose('multipose')
    try:
        StrictPretrainedInit(str(weights), sha256=_SHA256 if weights == WEIGHTS else None)(network)
    except (FileNotFoundError, ValueError) as error:
        raise BadInputError(f'detector movenet: {error}') from None
    network.requires_grad_(False).to(device or get_device(), memory_format=torch.channels_last)
    return network.eval()


def _resize(image: np.ndarray, size: int) -> np.ndarray:
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
