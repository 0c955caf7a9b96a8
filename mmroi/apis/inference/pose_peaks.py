"""Decode the maps of MoveNet MultiPose: every peak of the center map is a person with box and keypoints."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmroi.models.backbones.movenet_pose import NUM_KEYPOINTS, PYRAMID_STRIDE

_SOFTNESS = 1.8  # cells, of the published graph: a keypoint's score is divided by its distance to the guess
_MARGIN = 4  # cells around the guesses of a person


def find_peaks(center: Tensor, score_thr: float) -> tuple[Tensor, Tensor]:
    """Find the local maxima of a map of people.

    Args:
        center: (1, H, W) logits.
        score_thr: Lowest score of a peak.

    Returns:
        tuple[Tensor, Tensor]: Cells (P, 2) of x and y, int64, and scores (P,) in [0, 1], best first. Of the
        cells of a plateau all are peaks.
    """
    scores = center.sigmoid()
    is_peak = (F.max_pool2d(scores[None], 3, 1, 1)[0] == scores) & (scores >= score_thr)
    y, x = torch.nonzero(is_peak[0], as_tuple=True)
    best = scores[0, y, x].argsort(descending=True, stable=True)
    return torch.stack([x, y], dim=1)[best], scores[0, y, x][best]


def read_boxes_at(maps: dict[str, Tensor], peaks: Tensor) -> Tensor:
    """Read the boxes of people.

    Args:
        maps: Maps of ``MoveNetPose.maps`` for one image, (C, H, W) each.
        peaks: (P, 2) cells of :func:`find_peaks`.

    Returns:
        Tensor: (P, 4) corners x1, y1, x2, y2 in pixels of the network's input, not clipped.
    """
    x, y = peaks.T
    size = maps['box_scale'][:, y, x].clamp(min=0).flip(0).T  # the maps have y first
    center = peaks + maps['box_offset'][:, y, x].flip(0).T
    return torch.cat([center - size / 2, center + size / 2], dim=1) * PYRAMID_STRIDE


def read_keypoints(maps: dict[str, Tensor], peaks: Tensor) -> Tensor:
    """Read the keypoints of people.

    Args:
        maps: Maps of ``MoveNetPose.maps`` for one image, (C, H, W) each.
        peaks: (P, 2) cells of :func:`find_peaks`.

    Returns:
        Tensor: (P, 17, 3) x and y in pixels of the network's input, 0 at its left and upper edge, and score
        in [0, 1], in COCO's order.
    """
    x, y = peaks.T
    guesses = maps['kpt_regress'][:, y, x].T.reshape(-1, NUM_KEYPOINTS, 2).flip(2) + peaks[:, None]
    offsets = maps['kpt_offset'].reshape(NUM_KEYPOINTS, 2, *maps['kpt_heatmap'].shape[1:])
    k = torch.arange(NUM_KEYPOINTS, device=peaks.device)
    people = []
    for guess in guesses:
        left, top, right, bottom = _window(guess, offsets.shape[2:])
        heat = maps['kpt_heatmap'][:, top:bottom, left:right].sigmoid()
        rows = torch.arange(top, bottom, device=peaks.device)
        columns = torch.arange(left, right, device=peaks.device)
        distance = torch.hypot(columns - guess[:, 0, None, None], rows[:, None] - guess[:, 1, None, None])
        best = (heat / (distance + _SOFTNESS)).flatten(1).argmax(1)
        scores = heat.flatten(1)[k, best]
        at_y, at_x = rows[best // len(columns)], columns[best % len(columns)]
        place = torch.stack([at_x, at_y], dim=1) + offsets[k, :, at_y, at_x].flip(1)
        people.append(torch.cat([place * PYRAMID_STRIDE, scores[:, None]], dim=1))
    return torch.stack(people) if people else guesses.new_zeros(0, NUM_KEYPOINTS, 3)


def _window(guess: Tensor, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the cells x1, y1, x2, y2 around a person: all cells would take a map per keypoint and person."""
    low, high = guess.amin(0), guess.amax(0)
    margin = (high - low).amax() / 2 + _MARGIN
    height, width = shape
    limits = torch.tensor([width - 1, height - 1], device=guess.device)
    first = (low - margin).floor().clamp(min=0).minimum(limits).int().tolist()
    last = (high + margin).ceil().clamp(min=0).minimum(limits).int().tolist()
    return first[0], first[1], last[0] + 1, last[1] + 1
