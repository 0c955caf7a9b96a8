import copy

import pytest
import torch

PARTS = ('fusion', 'head', 'projector', 'heatmap_head')


@pytest.fixture
def bare(multi_roi):
    """The config without any width or number of RoIs in its parts."""
    config = copy.deepcopy(multi_roi)
    for part in PARTS:
        config[part].pop('in_channels')
        config[part].pop('num_rois', None)
    return config


def shapes(model):
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def test_widths_and_the_number_of_rois_are_filled_in(multi_roi, bare, build):
    assert shapes(build(dict(bare, num_rois=3))) == shapes(build(multi_roi))
    assert build(bare).fusion.num_rois == 5  # the default of the parts, as before


def test_the_width_follows_the_encoder(bare, build):
    bare['encoder']['backbone']['base_channels'] = 8
    model = build(bare)
    assert {getattr(model, part).in_channels for part in PARTS} == {64}


def test_maps_and_features_may_differ_in_width(bare, build):
    bare['encoder']['pool'] = 'concat'
    model = build(bare)
    assert model.fusion.in_channels == model.projector.in_channels == 4 + 8 + 16 + 32
    assert model.heatmap_head.in_channels == 32


@pytest.mark.parametrize('part', ['fusion', 'head'])
def test_another_number_of_rois_in_a_part_is_refused(part, bare, build):
    bare[part]['num_rois'] = 4
    match = f'the model has num_rois=3, but {part} .* is for num_rois=4; say the number once'
    with pytest.raises(ValueError, match=match):
        build(dict(bare, num_rois=3))


def test_the_same_number_twice_is_fine(multi_roi, build):
    assert build(dict(multi_roi, num_rois=3)).fusion.num_rois == 3


def test_an_unknown_type_is_the_registrys_error(bare, build):
    bare['head'] = dict(type='NoSuchHead')
    with pytest.raises(KeyError, match='NoSuchHead'):
        build(bare)


MOVENET = dict(type='MoveNetBackbone', variant='lightning')
HALF = dict(mean=[127.5] * 3, std=[127.5] * 3)


@pytest.mark.parametrize('mean_std', [{}, dict(HALF, std=[127.5, 127.5, 127]), dict(mean=HALF['mean'])])
def test_crops_that_are_normalized_for_another_backbone(cliff, build, mean_std):
    cliff['encoder']['backbone'] = MOVENET
    cliff['head'].pop('in_channels')
    cliff['data_preprocessor'] = dict(type='HMRDataPreprocessor', **mean_std)
    with pytest.raises(
        ValueError, match=r'set data_preprocessor=dict\(mean=\[127.5, 127.5, 127.5\], std=\[127.5'
    ):
        build(cliff)


def test_crops_that_are_normalized_as_the_backbone_expects(cliff, build):
    cliff['data_preprocessor'] = dict(type='HMRDataPreprocessor', **HALF)
    build(cliff)  # a ResNet does not say what it expects
    cliff['encoder']['backbone'] = MOVENET
    cliff['head'].pop('in_channels')
    model = build(cliff)
    crops = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 1, 2).expand(1, 1, 3, 1, 2)
    assert model.data_preprocessor.normalize(crops)[0, 0, 0, 0].tolist() == [-1, 1]
    build(dict(cliff, data_preprocessor=None))  # nothing to compare with
