"""Decode the maps of MoveNet MultiPose: every peak of the center map is a person with box and keypoints."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmroi.models.backbones.movenet_pose import NUM_KEYPOINTS, PYRAMID_STRIDE

# Cells: of two equal logits, the nearer to the first guess is taken; the constant is the published graph's.
_SOFTNESS = 1.8


def find_peaks(center: Tensor, score_thr: float, limit: int) -> tuple[Tensor, Tensor]:
    """Find the local maxima of a map of people.

    Args:
        center: (1, H, W) logits.
        score_thr: Lowest score of a peak.
        limit: Largest number of peaks.

    Returns:
        tuple[Tensor, Tensor]: Cells (P, 2) of x and y, int64, and scores (P,) in [0, 1], best first. Of the
        cells of a plateau all are peaks.
    """
    scores = center.sigmoid()
    is_peak = (F.max_pool2d(scores[None], 3, 1, 1)[0] == scores) & (scores >= score_thr)
    y, x = torch.nonzero(is_peak[0], as_tuple=True)
    best = scores[0, y, x].argsort(descending=True, stable=True)[:limit]
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
    heat = maps['kpt_heatmap'].sigmoid()
    offsets = maps['kpt_offset'].reshape(NUM_KEYPOINTS, 2, *heat.shape[1:])
    rows, columns = (torch.arange(size, device=heat.device) for size in heat.shape[1:])
    k = torch.arange(NUM_KEYPOINTS, device=heat.device)
    people = []
    for guess in guesses:  # one at a time: all at once would take a map per person and keypoint
        distance = torch.hypot(columns - guess[:, 0, None, None], rows[:, None] - guess[:, 1, None, None])
        best = (heat / (distance + _SOFTNESS)).flatten(1).argmax(1)
        at_y, at_x = best // len(columns), best % len(columns)
        place = torch.stack([at_x, at_y], dim=1) + offsets[k, :, at_y, at_x].flip(1)
        people.append(torch.cat([place * PYRAMID_STRIDE, heat[k, at_y, at_x, None]], dim=1))
    return torch.stack(people) if people else heat.new_zeros(0, NUM_KEYPOINTS, 3)
