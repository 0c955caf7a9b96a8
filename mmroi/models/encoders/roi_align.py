"""Regions of feature maps by bilinear sampling, by operators of PyTorch that can be exported."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmroi.geometry import without_autocast


@without_autocast
def roi_align(maps: Tensor, rois: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample regions of feature maps: RoIAlign (He et al., arXiv:1703.06870) with one sample for each cell.

    A map covers the area from 0 to 1, each of its cells a part of it. The value of a cell of a region is that
    of the map at its center, bilinear between the centers of the map's cells, and constant beyond the
    outermost ones.

    Args:
        maps: (N, C, H, W).
        rois: (N, M, 4) left, top, right and bottom as fractions of the maps' width and height.
        size: (h, w), rows and columns of cells of a region. One sample is enough while these cells are about
            as large as the map's.

    Returns:
        Tensor: (N·M, C, h, w), float32 for half precision. Gradients flow to ``maps``.
    """
    low, high = rois[..., :2], rois[..., 2:]
    y, x = (
        low[..., axis, None] + (high - low)[..., axis, None] * _centers(number, rois)
        for axis, number in ((1, size[0]), (0, size[1]))
    )
    shape = (*rois.shape[:2], *size)
    places = torch.stack((x[..., None, :].expand(shape), y[..., None].expand(shape)), -1)
    grid = (2 * places - 1).flatten(1, 2).to(maps.dtype)  # all regions of a map below each other
    found = F.grid_sample(maps, grid, mode='bilinear', padding_mode='border', align_corners=False)
    return found.unflatten(2, shape[1:3]).transpose(1, 2).flatten(0, 1)


def _centers(number: int, like: Tensor) -> Tensor:
    """Return the centers of equal parts of the interval from 0 to 1."""
    return (2 * torch.arange(number, device=like.device, dtype=like.dtype) + 1) / (2 * number)
