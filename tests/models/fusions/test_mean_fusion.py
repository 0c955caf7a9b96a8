import torch

from mmroi.models import MeanFusion
from mmroi.registry import MODELS


def test_every_roi_gets_the_mean(rois):
    fusion = MODELS.build(dict(type='MeanFusion', in_channels=6))
    assert fusion.num_rois is None and not list(fusion.parameters())
    for num_rois in (1, 3, 9):
        h, boxes, focal_length = rois(num_rois)
        u, u_bar, weights = fusion(h, boxes, focal_length)
        torch.testing.assert_close(u, (sum(h.unbind(1)) / num_rois)[:, None].expand(-1, num_rois, -1))
        torch.testing.assert_close(u_bar, u.mean(1))
        torch.testing.assert_close(weights, torch.full((2, num_rois, num_rois), 1 / num_rois))
        torch.testing.assert_close(weights @ h, u)


def test_half_precision_features_are_averaged_in_float32(rois):
    h, boxes, focal_length = rois()
    half = h.bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        u = MeanFusion(6)(half, boxes, focal_length)[0]
    assert torch.equal(u, half.float().mean(1, keepdim=True).expand_as(h))
