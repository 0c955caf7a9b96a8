"""RoIAlign: by hand, and against plain loops."""

import math

import torch

from mmroi.models.encoders.roi_align import roi_align


def by_loops(feature, roi, size):
    """One map (C, H, W) and one region, cell by cell, from four neighbors each."""
    _, height, width = feature.shape
    left, top, right, bottom = roi.tolist()
    found = torch.zeros(len(feature), *size, dtype=feature.dtype)
    for i in range(size[0]):
        for j in range(size[1]):
            # Cells of the map have their centers at 0.5, 1.5, ...
            y = (top + (i + 0.5) / size[0] * (bottom - top)) * height - 0.5
            x = (left + (j + 0.5) / size[1] * (right - left)) * width - 0.5
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            for row in (math.floor(y), math.floor(y) + 1):
                for column in (math.floor(x), math.floor(x) + 1):
                    weight = max(0, 1 - abs(y - row)) * max(0, 1 - abs(x - column))
                    if weight:
                        found[:, i, j] += weight * feature[:, row, column]
    return found


def test_equals_plain_loops():
    maps = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    corners = torch.rand(2, 4, 2, dtype=torch.float64) * 0.5
    rois = torch.cat((corners, corners + 0.1 + torch.rand_like(corners) * 0.4), -1)
    rois[0, 0] = torch.tensor((0.0, 0.0, 1.0, 1.0))
    found = roi_align(maps, rois, (4, 6)).unflatten(0, (2, 4))
    for n in range(2):
        for m in range(4):
            torch.testing.assert_close(found[n, m], by_loops(maps[n], rois[n, m], (4, 6)))


def test_by_hand():
    maps = torch.tensor([[[[0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0]]]])
    rois = torch.tensor([[[0.25, 0.0, 0.75, 1.0], [0.0, 0.5, 0.25, 1.0]]])
    found = roi_align(maps, rois, (1, 2))
    assert found[:, 0].tolist() == [[[6.0, 7.0]], [[10.0, 10.25]]]  # between rows; beyond the last center


def test_the_whole_map_at_its_size_is_the_map():
    maps = torch.randn(2, 3, 6, 5)
    whole = torch.tensor((0.0, 0.0, 1.0, 1.0), dtype=torch.float64).expand(2, 1, 4)
    torch.testing.assert_close(roi_align(maps, whole, (6, 5)), maps)


def test_gradients():
    maps = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[[0.1, 0.2, 0.8, 0.7], [0.0, 0.0, 0.4, 1.0]]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: roi_align(x, rois, (3, 2)), (maps,))


def test_half_precision_is_sampled_in_float32():
    maps, rois = torch.randn(1, 2, 4, 3).bfloat16(), torch.tensor([[[0.1, 0.2, 0.8, 0.7]]])
    with torch.autocast('cpu', torch.bfloat16):
        found = roi_align(maps, rois, (3, 2))
    assert torch.equal(found, roi_align(maps.float(), rois, (3, 2)))
