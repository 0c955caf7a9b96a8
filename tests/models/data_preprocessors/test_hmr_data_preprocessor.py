import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.models.data_preprocessors import HMRDataPreprocessor
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample


def _sample(value: float, **more: object) -> HMRDataSample:
    sample = HMRDataSample(metainfo=dict(boxes=np.ones((2, 3))))
    sample.gt_instances = InstanceData(betas=np.full((1, 10), value, np.float32), **more)
    return sample


def test_stacks_reverses_channels_and_normalizes() -> None:
    inputs = [torch.randint(0, 256, (2, 3, 8, 6), dtype=torch.uint8) for _ in range(3)]
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    output = MODELS.build(dict(type='HMRDataPreprocessor'))(dict(inputs=inputs))
    assert output['data_samples'] is None
    expected = np.stack([crop.numpy() for crop in inputs]).astype(float)[:, :, ::-1]
    expected = (expected - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert output['inputs'].dtype == torch.float32
    np.testing.assert_allclose(output['inputs'].numpy(), expected, atol=1e-5)


def test_channel_order_and_statistics_are_arguments() -> None:
    inputs = torch.arange(3, dtype=torch.uint8).view(1, 1, 3, 1, 1).expand(2, 2, 3, 4, 3)
    output = HMRDataPreprocessor(mean=(0, 0, 0), std=(1, 2, 4), bgr_to_rgb=False)(dict(inputs=inputs))[
        'inputs'
    ]
    np.testing.assert_array_equal(output[1, 1, :, 0, 0], (0, 0.5, 0.5))


def test_interleaved_crops_give_the_same(sample_shape: tuple = (2, 8, 6, 3)) -> None:
    interleaved = torch.randint(0, 256, sample_shape, dtype=torch.uint8).permute(0, 3, 1, 2)
    preprocess = HMRDataPreprocessor()
    a, b = (preprocess(dict(inputs=[crop]))['inputs'] for crop in (interleaved, interleaved.contiguous()))
    assert torch.equal(a, b)


def test_labels_become_tensors_of_their_sample() -> None:
    samples = [_sample(1, pelvis=np.zeros((1, 3), np.float32)), _sample(2), HMRDataSample(), _sample(3)]
    samples[3].gt_instances = InstanceData(betas=torch.full((1, 10), 3.0))
    inputs = torch.zeros(4, 2, 3, 4, 3, dtype=torch.uint8)
    preprocess = HMRDataPreprocessor()
    for _ in range(2):  # a batch may be used again
        output = preprocess(dict(inputs=inputs, data_samples=samples))['data_samples']
    for sample, value in zip((output[0], output[1], output[3]), (1, 2, 3), strict=True):
        assert torch.equal(sample.gt_instances.betas, torch.full((1, 10), float(value)))
    assert torch.equal(output[0].gt_instances.pelvis, torch.zeros(1, 3))
    assert 'pelvis' not in output[1].gt_instances
    assert isinstance(output[0].boxes, np.ndarray)


@pytest.mark.parametrize(
    'inputs',
    [
        [torch.zeros(2, 3, 4, 3)],
        [torch.zeros(3, 4, 3, dtype=torch.uint8)],
        [torch.zeros(2, 4, 3, 3, dtype=torch.uint8)],
        [torch.zeros(2, 3, 4, 3, dtype=torch.uint8), torch.zeros(1, 3, 4, 3, dtype=torch.uint8)],
    ],
)
def test_wrong_inputs_are_described(inputs: list[torch.Tensor]) -> None:
    with pytest.raises(
        ValueError, match=r'uint8 crops of one shape \(K, 3, H, W\), got .*MultiRoICrop'
    ) as info:
        HMRDataPreprocessor()(dict(inputs=inputs))
    assert str(tuple(inputs[0].shape)) in str(info.value)


def test_empty_batch_and_bad_statistics() -> None:
    with pytest.raises(ValueError, match='no sample'):
        HMRDataPreprocessor()(dict(inputs=[]))
    with pytest.raises(ValueError, match='three numbers'):
        HMRDataPreprocessor(std=(1, 1, 0))


def test_statistics_are_no_part_of_a_checkpoint() -> None:
    assert not HMRDataPreprocessor().state_dict()


@pytest.mark.parametrize('autocast', [False, True])
def test_features_are_stacked_to_float32_and_lie_channels_last(autocast: bool) -> None:
    maps = [[torch.randn(2, c, 4, 3).half() for _ in range(3)] for c in (5, 7)]
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        output = HMRDataPreprocessor()(dict(features=maps, data_samples=[_sample(1) for _ in range(3)]))
    assert 'inputs' not in output and len(output['data_samples']) == 3
    for feature, given in zip(output['features'], maps, strict=True):
        assert torch.equal(feature, torch.stack(given).float())
        assert feature.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
