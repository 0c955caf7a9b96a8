import pytest
import torch
from mmengine.registry import init_default_scope

from mmroi.benchmark.speed.networks import (
    baselines,
    build_for_rois,
    prediction_step,
    random_batch,
    with_rois,
)
from mmroi.engine.pipelines import CropSettings, load_config
from mmroi.registry import MODELS


@pytest.fixture(scope='module')
def multi_roi(small_multi_roi):
    init_default_scope('mmroi')
    return load_config(small_multi_roi)


@pytest.fixture(scope='module')
def cliff(small_cliff):
    return load_config(small_cliff)


def test_networks_for_other_numbers_of_rois(multi_roi, cliff):
    model = build_for_rois(multi_roi.model, 3)
    assert model.head.num_rois == model.fusion.num_rois == 3 and multi_roi.model.num_rois == 5
    assert build_for_rois(cliff.model, 2) is None and build_for_rois(cliff.model, 1) is not None


def test_a_model_for_one_roi_with_a_fusion_takes_others(multi_roi):
    one = with_rois(multi_roi.model, 1)
    assert build_for_rois(one, 5).head.num_rois == 5 and one.num_rois == 1 and 'num_rois' not in one.head


def test_baselines_without_the_model_itself(multi_roi, cliff):
    assert [list(baselines(config.model, 256)) for config in (multi_roi, cliff)] == [
        ['CLIFF', 'HMR'],
        ['HMR'],
    ]
    hmr = MODELS.build(baselines(multi_roi.model, 256)['HMR'])
    assert hmr.head.boxes == 'none' and hmr.fusion is None and not hmr.losses


def test_a_step_predicts_a_batch(multi_roi):
    batch = random_batch(2, CropSettings(3, (64, 48), 0.75, 1.2))
    assert [image.shape for image in batch['inputs']] == [(3, 3, 64, 48)] * 2
    model = build_for_rois(multi_roi.model, 3).eval()
    seen = []
    predict = model.test_step
    model.test_step = lambda data: seen.append(torch.is_grad_enabled()) or predict(data)
    prediction_step(model, lambda: batch, torch.device('cpu'))()
    assert seen == [False]
