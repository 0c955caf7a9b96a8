"""Counted operations, against formulas from the sizes of layers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmroi.benchmark.speed.flops import INFERENCE, count, measure_cost, parameters_of
from mmroi.engine.pipelines import CropSettings, load_config, read_crops
from mmroi.registry import MODELS

from ...conftest import SMALL_CROP

CONFIGS = Path(__file__).parents[3] / 'configs'


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmroi')


def crops(num_rois: int) -> CropSettings:
    return CropSettings(num_rois, SMALL_CROP, SMALL_CROP[1] / SMALL_CROP[0], 1.2)


def multiply_adds(config: Any, num_rois: int) -> dict[str, int]:
    """Compute them from the sizes of what goes through each convolution and linear layer."""
    encoder = MODELS.build(config.model.encoder).eval()
    counted = []
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda m, _, out: counted.append(
                    out[0].numel() * m.in_channels * m.kernel_size[0] * m.kernel_size[1]
                )
            )
    encoder(torch.zeros(1, 1, 3, *SMALL_CROP))
    d, width, encoding = 256, 512, 3 + 6 * 32
    pairs = num_rois * d * 256 + num_rois**2 * encoding * 256  # of each feature once
    scores = num_rois * (num_rois * 256 * 256 + 256 * 256 + 256 * num_rois)
    return dict(
        encoder=num_rois * sum(counted),
        fusion=pairs + scores + num_rois**2 * d,
        head=camera_decoder(num_rois, d, width) + mesh_decoder(num_rois, d, width),
    )


def decoder(inputs: int, outputs: int, width: int) -> int:
    """Count three steps; the first layer is applied to the features once."""
    return inputs * width + 3 * (outputs * width + width * width + width * outputs)


def camera_decoder(num_rois: int, d: int, width: int) -> int:
    return num_rois * decoder(d + 3, 3, width)


def mesh_decoder(num_rois: int, d: int, width: int) -> int:
    return decoder(d + 3 * num_rois, 144 + 10, width)


@pytest.fixture(scope='module')
def config(small_multi_roi):
    return load_config(small_multi_roi)


@pytest.fixture(scope='module')
def rows(config):
    init_default_scope('mmroi')
    return {num_rois: measure_cost(config.model, crops(num_rois)) for num_rois in (1, 2, 5)}


def test_operations_by_formula(config, rows):
    for num_rois, row in rows.items():
        for part, expected in multiply_adds(config, num_rois).items():
            assert row['flops'][part] == 2 * expected, part
    assert rows[5]['flops']['encoder'] == 5 * rows[1]['flops']['encoder']
    assert rows[5]['flops']['body_model'] == rows[1]['flops']['body_model'] > 2 * 6890 * 24 * 12


def test_sums(rows):
    for row in rows.values():
        for figures in (row['flops'], row['parameters']):
            assert figures['inference'] == sum(figures[part] for part in INFERENCE)
        others = row['parameters']['projector'] + row['parameters']['heatmap_head']
        assert row['parameters']['inference'] + others == row['all_parameters']


def test_counts_of_single_layers():
    linear, conv = nn.Linear(7, 5), nn.Conv2d(3, 8, 3, stride=2, padding=1)
    assert count(lambda: linear(torch.zeros(4, 7)))[1] == 2 * 4 * 7 * 5
    assert count(lambda: conv(torch.zeros(2, 3, 10, 6)))[1] == 2 * 2 * 8 * (5 * 3) * (3 * 9)
    assert parameters_of(linear) == 7 * 5 + 5 and parameters_of(None) == 0


def test_cliff_takes_one_roi(small_cliff):
    model = load_config(small_cliff).model
    assert measure_cost(model, crops(2)) is None
    row = measure_cost(model, crops(1))
    assert row['flops']['fusion'] == row['parameters']['projector'] == 0
    assert row['flops']['head'] == 2 * decoder(256 + 3, 157, 512)


@pytest.mark.parametrize(
    'name',
    [
        'hybrik/hybrik_r34_mmhuman3d-1xb16-25e_synthetic-256x256',
        'pare/pare_hr32_mmhuman3d-1xb48-25e_synthetic-224x224',
        'hmr/hmr_r50_mmhuman3d-1xb48-25e_synthetic-224x224',
    ],
)
def test_heads_that_take_maps_or_return_rotations(name):
    config = load_config(CONFIGS / f'{name}.py')
    row = measure_cost(config.model, read_crops(config))
    assert row['parameters']['inference'] == MODELS.build(config.model).num_parameters()
    assert row['flops']['encoder'] > row['flops']['head'] > 0
