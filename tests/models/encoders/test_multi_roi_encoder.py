import pytest
import torch

from mmroi.models import MultiRoIEncoder

RESNET = dict(type='mmdet.ResNet', depth=18, base_channels=8)


def hrnet():
    stages = {f'stage{i}': dict(num_modules=1, num_branches=i, block='BASIC', num_blocks=(1, ) * i,
                                num_channels=tuple(4 * 2 ** b for b in range(i))) for i in (2, 3, 4)}
    stem = dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1, ), num_channels=(8, ))
    return dict(type='mmdet.HRNet', extra=dict(stage1=stem, **stages))


@pytest.mark.parametrize('backbone, pool, width', [
    (RESNET, 'last', 64),
    (RESNET, 'concat', 8 + 16 + 32 + 64),
    (hrnet(), 'concat', 4 + 8 + 16 + 32),
    (hrnet(), 'last', 32),
])
def test_shapes(backbone, pool, width):
    encoder = MultiRoIEncoder(backbone, pool=pool)
    assert encoder.out_channels == width
    assert encoder(torch.randn(2, 3, 3, 64, 32)).shape == (2, 3, width)


def test_every_roi_is_encoded_alone():
    encoder = MultiRoIEncoder(RESNET).eval()
    crops = torch.randn(2, 3, 3, 64, 48)
    alone = torch.stack([encoder(crops[:, m:m + 1])[:, 0] for m in range(3)], dim=1)
    torch.testing.assert_close(encoder(crops), alone, rtol=1e-4, atol=1e-5)


def test_pooling_is_the_average_of_each_map():
    encoder = MultiRoIEncoder(hrnet(), pool='concat').eval()
    crops = torch.randn(1, 1, 3, 64, 32)
    maps = encoder.backbone(crops[0])
    coarsest = maps[-1].shape[-2:]
    branches = [torch.nn.functional.interpolate(m, coarsest, mode='area').mean((-2, -1)) for m in maps]
    torch.testing.assert_close(encoder(crops)[0], torch.cat(branches, dim=-1), rtol=1e-4, atol=1e-5)


def test_channels_last_changes_the_layout_only():
    plain = MultiRoIEncoder(RESNET).eval()
    last = MultiRoIEncoder(RESNET, channels_last=True).eval()
    last.load_state_dict(plain.state_dict())
    assert last.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    crops = torch.randn(2, 2, 3, 64, 48)
    torch.testing.assert_close(last(crops), plain(crops), rtol=1e-4, atol=1e-5)


def test_batch_norm_learns_unless_the_backbone_config_says_otherwise():
    def moves(backbone):
        encoder = MultiRoIEncoder(backbone).train()
        before = encoder.backbone.bn1.running_mean.clone()
        encoder(torch.randn(2, 1, 3, 64, 48))
        return not torch.equal(before, encoder.backbone.bn1.running_mean)

    assert moves(RESNET)
    assert not moves(dict(RESNET, norm_eval=True))


def test_measuring_the_width_leaves_no_trace():
    encoder = MultiRoIEncoder(RESNET)
    assert encoder.training and encoder.backbone.bn1.num_batches_tracked == 0


def test_frozen_stages():
    encoder = MultiRoIEncoder(RESNET, frozen_stages=1)
    assert not encoder.backbone.layer1[0].conv1.weight.requires_grad
    assert encoder.backbone.layer2[0].conv1.weight.requires_grad


def test_features_are_float32_under_autocast():
    encoder = MultiRoIEncoder(RESNET)
    with torch.autocast('cpu', torch.bfloat16):
        assert encoder(torch.randn(1, 2, 3, 64, 48)).dtype == torch.float32


def test_unknown_pool():
    with pytest.raises(ValueError, match="'last' or 'concat'"):
        MultiRoIEncoder(RESNET, pool='max')
