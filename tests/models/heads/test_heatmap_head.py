import torch

from mmroi.models.heads import HeatmapHead


def test_each_layer_doubles_the_resolution():
    head = HeatmapHead(in_channels=16, num_keypoints=5, channels=(8, 8))
    assert head(torch.randn(3, 16, 3, 2)).shape == (3, 5, 12, 8)


def test_scores_are_float32_under_autocast():
    head = HeatmapHead(in_channels=16, num_keypoints=5, channels=(8,))
    with torch.autocast('cpu', torch.bfloat16):
        assert head(torch.randn(2, 16, 3, 3)).dtype == torch.float32
