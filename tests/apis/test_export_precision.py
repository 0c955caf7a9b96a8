"""Encoders in half precision and in 8-bit integers: what is made smaller, and what is not."""

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from mmengine.config import Config

from mmroi.apis import build_model
from mmroi.apis.export import ExportableEstimator, describe, export_model, random_inputs, read_recipe
from mmroi.apis.export_precision import halve, quantize
from mmroi.apis.exported_files import open_exported
from mmroi.utils.choices import EXPORT_TOLERANCES

ENCODER = 'estimator.encoder.'


@pytest.fixture
def model(config: Config) -> torch.nn.Module:
    pipeline = [
        dict(type='GetPersonBox', aspect=1.0, scale=1.1),
        dict(type='MultiRoICrop', num_rois=2, crop_size=(64, 64)),
    ]
    torch.manual_seed(0)
    return build_model(Config(dict(config, test_dataloader=dict(dataset=dict(pipeline=pipeline))))).eval()


def weights_of(path: Path) -> dict[str, set[str]]:
    """Types of the weights of the encoder, and of the other parts."""
    found: dict[str, set[str]] = dict(encoder=set(), others=set())
    for tensor in onnx.load(path).graph.initializer:
        if tensor.name.startswith('estimator.') and math.prod(tensor.dims) > 64:  # no scales or biases
            part = 'encoder' if tensor.name.startswith(ENCODER) else 'others'
            found[part].add(onnx.TensorProto.DataType.Name(tensor.data_type))
    return found


def people_of(model: torch.nn.Module, count: int) -> list[dict[str, np.ndarray]]:
    return [random_inputs(read_recipe(model.cfg), 1, seed=seed) for seed in range(count)]


def worst_vertex(model: torch.nn.Module, path: Path) -> float:
    """Largest distance of a vertex from PyTorch's, on people that no check has seen; meters."""
    inputs = random_inputs(read_recipe(model.cfg), 5, seed=99)
    with torch.no_grad():
        expected = ExportableEstimator(model, True)(*(torch.from_numpy(value) for value in inputs.values()))
    found = open_exported(path)(inputs)
    assert all(value.dtype == np.float32 for value in found.values())
    return float(np.linalg.norm(found['vertices'] - expected[4].numpy(), axis=-1).max())


def test_half_precision(model: torch.nn.Module, tmp_path: Path) -> None:
    """Only the encoder; the model itself is left as it was."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    differences = export_model(model, tmp_path / 'half.onnx', with_smpl=True, precision='fp16')
    assert 0 < differences['vertices'] < EXPORT_TOLERANCES['fp16']
    assert weights_of(tmp_path / 'half.onnx') == dict(encoder={'FLOAT16'}, others={'FLOAT'})
    assert 0 < worst_vertex(model, tmp_path / 'half.onnx') < 0.02
    assert open_exported(tmp_path / 'half.onnx').metadata['precision'] == 'fp16'
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) and value.dtype == before[name].dtype


def test_half_precision_of_several_maps_as_a_program(model: torch.nn.Module, tmp_path: Path) -> None:
    model.encoder.backbone.out_indices = (2, 3)
    export_model(model, tmp_path / 'half.pt2', 'torch-export', precision='fp16')
    inputs = people_of(model, 1)[0]
    with torch.no_grad():
        arguments = [torch.from_numpy(value) for value in inputs.values()]
        expected = ExportableEstimator(halve(model), False)(*arguments)
    for wanted, found in zip(expected, open_exported(tmp_path / 'half.pt2')(inputs).values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_8_bit_integers(model: torch.nn.Module, tmp_path: Path) -> None:
    path, people = tmp_path / 'int8.onnx', people_of(model, 8)
    differences = export_model(model, path, with_smpl=True, precision='int8', calibration=people)
    assert 0 < differences['vertices'] < 0.2
    assert weights_of(path) == dict(encoder={'INT8'}, others={'FLOAT'})
    assert 0 < worst_vertex(model, path) < 0.2
    metadata = json.loads(json.dumps(describe(model, read_recipe(model.cfg), with_smpl=True)))
    assert open_exported(path).metadata == {**metadata, 'precision': 'int8'}  # none of the quantizer's


def test_bad_requests(model: torch.nn.Module, tmp_path: Path) -> None:
    for name, arguments, words in (
        ('m.onnx', dict(precision='int8'), 'int8 needs people for calibration'),
        ('m.pt2', dict(precision='int8', file_format='torch-export'), 'int8 needs the format onnx'),
        ('m.onnx', dict(precision='fp8'), "precision must be fp32, fp16, int8, not 'fp8'"),
        ('m.onnx', dict(precision='fp16', tolerance=0.0), 'differs from PyTorch by .*; the file is not kept'),
    ):
        with pytest.raises(ValueError, match=words):
            export_model(model, tmp_path / name, **arguments)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match='int8 found no encoder'):
        quantize(tmp_path / 'm.onnx', [], [])
