"""Predicting can be captured in a CUDA graph: it neither waits for the device nor copies from the host to it.

Seen from a CPU: no call makes a tensor from numbers of Python, or reads one back.
"""

from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmroi.apis import build_model
from mmroi.engine.pipelines import read_num_rois

CONFIGS = Path(__file__).parents[3] / 'configs'
FORBIDDEN = {
    'aten::lift_fresh': 'copies numbers of Python to the device',
    'aten::_local_scalar_dense': 'waits for a number',
    'aten::nonzero': 'has a size that depends on values',
    'aten::masked_select': 'has a size that depends on values',
}


class Watch(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name
        assert name not in FORBIDDEN, f'{name} {FORBIDDEN[name]}'
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize('values', [lambda x: x.new_tensor([1.0, 2.0]), lambda x: float(x[0]), torch.nonzero])
def test_the_watch_sees_what_a_capture_forbids(values):
    with pytest.raises(AssertionError, match='copies|waits|depends'), Watch():
        values(torch.ones(2))


@pytest.mark.parametrize(
    'config',
    [
        'multi_roi/multi-roi_r18_1xb16-5e_synthetic-96x72',
        'multi_roi/multi-roi_movenet_uncertainty-1xb64-2e_synthetic-256x192',
        'cliff/cliff_r18_1xb64-20e_synthetic-96x72',
        'ablation/multi-roi_r50_1xb48-25e_coco-256x192_figure8_self-attention',
        'ablation/multi-roi_r50_1xb48-25e_coco-256x192_ours_encoding_float32',
        'ablation/multi-roi_r50_1xb48-25e_coco-256x192_ours_mesh_per-roi',
    ],
)
def test_prediction(config):
    model = build_model(CONFIGS / f'{config}.py', body_model='open').eval()
    rois = read_num_rois(model.cfg.model)
    boxes = torch.full((2, rois, 3), 100.0, dtype=torch.float64)
    focal_length = torch.full((2,), 500.0, dtype=torch.float64)
    crops = torch.zeros(2, rois, 3, 64, 64)
    with torch.no_grad(), Watch():
        output = model.regress(crops, boxes, focal_length)
        predictions = model.predict_tensors(output, boxes, focal_length)
    assert len(predictions) == 2
