"""RoIs from the map of one crop: what equals crops of their own, and what is refused."""

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmroi.apis.export_precision import halve
from mmroi.geometry import context_box, crop_matrix, make_rois, roi_offsets
from mmroi.models import MultiRoIEncoder, SharedMapEncoder
from mmroi.registry import MODELS

CROP, CONTEXT = (128, 96), (192, 160)
BACKBONES = dict(
    ResNet=dict(type='mmdet.ResNet', depth=18, base_channels=4, out_indices=(3,)),
    MoveNet=dict(type='MoveNetBackbone', variant='lightning'),
)


@pytest.fixture(params=['ResNet', 'MoveNet', 'HRNet'])
def backbone(request, hrnet):
    return dict(BACKBONES, HRNet=hrnet)[request.param]


def boxes_of(persons, num_rois):
    base = torch.tensor((30.0, -20.0, 200.0)).double() + torch.arange(persons).double()[:, None]
    return make_rois(base, roi_offsets(num_rois))


@pytest.mark.parametrize('stage', [1, 2, 3, 4])
def test_a_context_crop_of_one_roi_is_its_crop(backbone, stage):
    shared = SharedMapEncoder(backbone, crop_size=CROP, roi_stage=stage, pool='concat').eval()
    own = MultiRoIEncoder(backbone, pool='concat').eval()
    own.load_state_dict(shared.state_dict())
    assert (shared.out_channels, shared.map_channels) == (own.out_channels, own.map_channels)
    crops = torch.randn(2, 1, 3, *CROP)
    torch.testing.assert_close(shared(crops, boxes_of(2, 1)), own(crops))


@pytest.mark.parametrize('stage', [3, 4])
def test_maps_of_rois_have_the_size_of_those_of_crops_and_gradients_flow(backbone, stage):
    encoder = SharedMapEncoder(backbone, crop_size=CROP, roi_stage=stage, channels_last=True)
    context = torch.randn(2, 1, 3, *CONTEXT)
    own = MultiRoIEncoder(backbone).extract_maps(torch.randn(2, 5, 3, *CROP))
    maps = encoder.extract_maps(context, boxes_of(2, 5))
    assert [m.shape for m in maps] == [m.shape for m in own]
    assert encoder(context, boxes_of(2, 5)).shape == (2, 5, encoder.out_channels)
    sum(m.square().sum() for m in maps).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.backbone.parameters())


class _Mean(BaseModule):
    """Means of squares of 4x4 pixels: each cell sees no pixel but its own."""

    out_channels = 3

    def forward(self, x):
        return nn.functional.avg_pool2d(x, 4)


@pytest.mark.parametrize('num_rois, crop_size, context', [(5, (64, 48), (96, 88)), (9, (64, 64), (112, 112))])
def test_each_roi_is_found_where_it_lies(num_rois, crop_size, context):
    """The image is linear in x and y, so that resampling makes no difference."""
    boxes = boxes_of(2, num_rois)

    def crops(regions, size):
        inverse = torch.linalg.inv(
            torch.cat(
                [
                    crop_matrix(regions, torch.zeros(2), size),
                    torch.tensor([[0.0, 0, 1]]).double().expand(*regions.shape[:2], 1, 3),
                ],
                -2,
            )
        )
        y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing='ij')
        # Pixels of a crop cover the box from border to border.
        pixels = torch.stack((x + 0.5, y + 0.5, torch.ones_like(x)), -1).double()
        return (inverse[:, :, None, None] @ pixels[..., None])[..., 0].movedim(-1, 2).float()

    shared = SharedMapEncoder(dict(type=_Mean), crop_size=crop_size)
    whole = context_box(boxes, crop_size, context)[:, None]
    found = shared.extract_maps(crops(whole, context), boxes)[0]
    wanted = MultiRoIEncoder(dict(type=_Mean)).extract_maps(crops(boxes, crop_size))[0]
    assert found.shape == wanted.shape
    # All but the outermost cells, whose centers may lie beyond those of the map.
    torch.testing.assert_close(found[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1], atol=1e-3, rtol=0)


def test_what_a_cache_of_maps_depends_on():
    encoder = SharedMapEncoder(BACKBONES['ResNet'], crop_size=CROP, roi_stage=3)
    assert encoder.map_settings == dict(crop_size=[128, 96], roi_stage=3)
    assert encoder.num_crops(5) == 1
    own = MultiRoIEncoder(BACKBONES['ResNet'])
    assert own.map_settings == {} and own.num_crops(5) == 5


@pytest.mark.parametrize('stage', [3, 4])
def test_half_precision_of_the_backbone_alone(stage):
    estimator = nn.Module()
    estimator.encoder = SharedMapEncoder(BACKBONES['ResNet'], crop_size=CROP, roi_stage=stage).eval()
    halved = halve(estimator).encoder
    context, boxes = torch.randn(1, 1, 3, *CONTEXT), boxes_of(1, 3)
    found = halved(context, boxes)
    assert halved.backbone.conv1.weight.dtype == torch.float16 and found.dtype == torch.float32
    torch.testing.assert_close(found, estimator.encoder(context, boxes), atol=0.01, rtol=0.05)


def test_it_runs_in_bfloat16_under_autocast(backbone):
    encoder = SharedMapEncoder(backbone, crop_size=CROP, roi_stage=3).eval()
    context, boxes = torch.randn(1, 1, 3, *CONTEXT), boxes_of(1, 2)
    with torch.autocast('cpu', torch.bfloat16):
        found = encoder(context, boxes)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, encoder(context, boxes), atol=0.1, rtol=0.1)


@MODELS.register_module()
class _Uncut(BaseModule):
    out_channels = 3

    def forward(self, x):
        return (x,)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(roi_stage=0), 'roi_stage must be from 1 to 4, got 0'),
        (dict(roi_stage=5), 'roi_stage must be from 1 to 4, got 5'),
        (
            dict(backbone=dict(type='_Uncut'), roi_stage=3),
            "_Uncut cannot be cut into stages: take roi_stage=4.*method 'stages'",
        ),
        (
            dict(backbone=dict(BACKBONES['ResNet'], out_indices=(2, 3)), roi_stage=3),
            r'out_indices=\(2, 3\).* needs out_indices=\(3,\)',
        ),
        (dict(crop_size=(100, 96)), r'context crop of 100x96 .* map of 4x3.*crop_size=\(100, 96\)'),
    ],
)
def test_what_cannot_be_built(options, message):
    with pytest.raises(ValueError, match=message):
        SharedMapEncoder(**dict(dict(backbone=BACKBONES['ResNet'], crop_size=CROP), **options))


def test_what_cannot_be_encoded(hrnet):
    encoder = SharedMapEncoder(BACKBONES['ResNet'], crop_size=CROP)
    with pytest.raises(ValueError, match='give it boxes'):
        encoder(torch.zeros(1, 1, 3, *CONTEXT))
    with pytest.raises(ValueError, match=r'context crop of 160x100 .* multiples of the stride of the map'):
        encoder(torch.zeros(1, 1, 3, 160, 100), boxes_of(1, 5))
    for backbone in (hrnet, BACKBONES['MoveNet']):
        encoder = SharedMapEncoder(backbone, crop_size=CROP, roi_stage=3)
        with pytest.raises(ValueError, match='multiples of 32, got 160x100 .*context_size'):
            encoder(torch.zeros(1, 1, 3, 160, 100), boxes_of(1, 5))
