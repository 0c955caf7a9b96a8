"""Export: any number of people, the numbers of PyTorch, and no file that fails the check."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config

from mmroi.apis import build_model, export
from mmroi.apis.export import ExportableEstimator, export_model, random_inputs, read_recipe
from mmroi.apis.exported_files import open_exported
from mmroi.engine.pipelines import CropSettings, set_crops
from mmroi.models import BoxEncoding

ROOT = Path(__file__).parents[2]
PIPELINE = [
    dict(type='GetPersonBox', aspect=1.0, scale=1.1),
    dict(type='MultiRoICrop', num_rois=2, crop_size=(32, 32)),
]


@pytest.fixture
def with_pipeline(config) -> Config:
    return Config(dict(config, test_dataloader=dict(dataset=dict(pipeline=PIPELINE))))


def test_resnet50_with_random_weights(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs' / 'multi_roi' / 'multi-roi_r50_1xb48-25e_mixture-256x192.py')
    crop = next(step for step in cfg.test_dataloader.dataset.pipeline if step.type == 'MultiRoICrop')
    crop.crop_size = (64, 48)
    cfg.model.encoder.backbone.base_channels = 8
    differences = export_model(build_model(cfg, body_model='open'), tmp_path / 'model.onnx')
    assert set(differences) == {'rotations', 'betas', 'local_cameras', 'camera_translation'}
    assert max(differences.values()) < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / 'model.onnx', providers=['CPUExecutionProvider'])
    assert session.get_inputs()[0].shape[1:] == [crop.get('num_rois', 5), 3, 64, 48]


@pytest.mark.parametrize(
    'head, encoding',
    [
        (dict(type='PerRoIMeshHead', camera_boxes='all'), 'BoxEncoding'),
        (dict(type='CLIFFHead', boxes='all', positive_scale=False), 'Float32BoxEncoding'),
    ],
)
def test_more_people_than_were_checked(head, encoding, with_pipeline, tmp_path):
    """Meshes for each RoI, and the arithmetic of the authors' code; the smallest opset."""
    with_pipeline.model.head = dict(head, in_channels=64, num_rois=2)
    with_pipeline.model.fusion.encoding = dict(type=encoding)
    model = build_model(with_pipeline).eval()
    export_model(model, tmp_path / 'model.onnx', opset=18)
    inputs = random_inputs(read_recipe(with_pipeline), 7, seed=5)
    with torch.no_grad():
        expected = ExportableEstimator(model, False)(*(torch.from_numpy(value) for value in inputs.values()))
    outputs = open_exported(tmp_path / 'model.onnx')(inputs)
    for wanted, found in zip(expected, outputs.values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)


def test_rois_from_the_map_of_one_crop(with_pipeline, tmp_path):
    with_pipeline.model.encoder.update(type='SharedMapEncoder', crop_size=(64, 64), roi_stage=3)
    set_crops(with_pipeline, crop_size=(64, 64), context_size=(128, 96))
    model = build_model(with_pipeline).eval()
    differences = export_model(model, tmp_path / 'model.onnx')
    assert max(differences.values()) < 1e-4
    assert open_exported(tmp_path / 'model.onnx').metadata['body_model'] == 'open'
    inputs = random_inputs(read_recipe(with_pipeline), 7, seed=5)
    assert inputs['crops'].shape == (7, 1, 3, 128, 96) and inputs['boxes'].shape == (7, 2, 3)
    with torch.no_grad():
        expected = ExportableEstimator(model, False)(*(torch.from_numpy(value) for value in inputs.values()))
    exported = open_exported(tmp_path / 'model.onnx')
    for wanted, found in zip(expected, exported(inputs).values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)
    assert exported.metadata['context_size'] == [128, 96] and exported.metadata['crop_size'] == [64, 64]


def test_deviations_of_joints_come_last_where_there_is_a_head(with_pipeline, tmp_path):
    with_pipeline.model.uncertainty_head = dict(type='JointUncertaintyHead', hidden_channels=8)
    model = build_model(with_pipeline).eval()
    torch.nn.init.normal_(model.uncertainty_head.decoder.weight)
    differences = export_model(model, tmp_path / 'model.onnx')
    assert [*differences][-2:] == ['camera_translation', 'joints_std']
    inputs = random_inputs(read_recipe(with_pipeline), 2, seed=5)
    found = open_exported(tmp_path / 'model.onnx')(inputs)['joints_std']
    assert found.shape == (2, 24) and np.ptp(found) > 1e-3


@pytest.mark.parametrize('wrong', [1e-3, np.nan])
def test_file_that_differs_is_not_kept(wrong, with_pipeline, tmp_path, monkeypatch):
    honest = export.open_program

    def load(path: Path):
        run = honest(path)
        return lambda inputs: {**(outputs := run(inputs)), 'betas': outputs['betas'] + wrong}

    monkeypatch.setattr(export, 'open_program', load)
    model = build_model(with_pipeline).eval()
    (tmp_path / 'model.pt2').write_text('the file of yesterday')
    with pytest.raises(ValueError, match='betas differs from PyTorch by .*not kept'):
        export_model(model, tmp_path / 'model.pt2', 'torch-export')
    assert [path.read_text() for path in tmp_path.iterdir()] == ['the file of yesterday']


def test_recipe(with_pipeline):
    assert read_recipe(with_pipeline) == CropSettings(2, (32, 32), 1.0, 1.1)
    inputs = random_inputs(read_recipe(with_pipeline), 3, seed=0)
    assert inputs['crops'].shape == (3, 2, 3, 32, 32) and inputs['crops'].dtype == np.uint8
    np.testing.assert_allclose(inputs['boxes'][:, 1, 2], 1.5 * inputs['boxes'][:, 0, 2])
    steps = with_pipeline.test_dataloader.dataset.pipeline
    steps[1].random = True
    with pytest.raises(ValueError, match='random=False'):
        read_recipe(with_pipeline)
    del steps[1]
    with pytest.raises(ValueError, match='lacks GetPersonBox or MultiRoICrop'):
        read_recipe(with_pipeline)


def test_boxes_are_encoded_in_float64_in_a_file(tmp_path):
    """The highest of 32 frequencies turns by 2^31 half turns per unit: float32 constants leave noise."""
    encoding = BoxEncoding(32)

    class Encode(torch.nn.Module):
        def forward(self, boxes, focal_length):
            return encoding(encoding.normalize(boxes, focal_length))

    boxes = torch.tensor([[[120.3, -45.7, 333.1], [7.9, 81.2, 512.6]]], dtype=torch.float64)
    inputs = boxes, torch.tensor([731.7], dtype=torch.float64)
    path = tmp_path / 'encoding.onnx'
    torch.onnx.export(Encode(), inputs, path, dynamo=True, verbose=False, input_names=['boxes', 'focal'])
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    (found,) = session.run(None, dict(boxes=inputs[0].numpy(), focal=inputs[1].numpy()))
    np.testing.assert_allclose(found, Encode()(*inputs).numpy(), rtol=0, atol=1e-5)
