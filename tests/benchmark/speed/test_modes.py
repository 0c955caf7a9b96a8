import pytest
import torch

from mmroi.apis import build_model
from mmroi.benchmark.speed.modes import parse_mode, with_mode
from mmroi.benchmark.speed.networks import prediction_step, random_batch
from mmroi.engine.pipelines import CropSettings

CPU = torch.device('cpu')


@pytest.fixture
def model(small_multi_roi):
    return build_model(small_multi_roi, dict(num_rois=2)).eval()


def predict(model):
    batch = random_batch(2, CropSettings(2, (64, 48), 0.75, 1.2))
    (first, second) = prediction_step(model, lambda: batch, CPU)()
    return first.pred_instances, second.pred_instances


def test_modes():
    assert parse_mode('eager') == frozenset()
    assert parse_mode('channels_last+compiled') == {'channels_last', 'compiled'}
    with pytest.raises(ValueError, match="joined by \\+; got 'fast'"):
        parse_mode('compiled+fast')


def test_channels_last_shares_all_but_the_encoder(model):
    model.encoder.memory_format = torch.contiguous_format
    expected = predict(model)
    changed = with_mode(model, 'channels_last')
    assert with_mode(model, 'eager') is model and model.encoder.memory_format == torch.contiguous_format
    assert changed.encoder.memory_format == torch.channels_last and changed.head is model.head
    assert with_mode(model, 'channels_last').encoder is changed.encoder
    for found, before in zip(predict(changed), expected, strict=True):
        torch.testing.assert_close(found.vertices, before.vertices, rtol=0, atol=1e-5)


def test_graphs_need_a_gpu(model):
    with pytest.raises(ValueError, match='--modes cuda-graphs needs --device cuda'):
        with_mode(model, 'channels_last+cuda-graphs')
