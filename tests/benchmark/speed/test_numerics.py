import pytest
import torch

from mmroi.benchmark.speed.inference import batches_in_memory, build_networks
from mmroi.benchmark.speed.numerics import largest_differences, measure_numerics
from mmroi.engine.pipelines import CropSettings, load_config
from mmroi.structures import Predictions

CPU = torch.device('cpu')


def predictions(**changes):
    shapes = dict(
        global_orient=(2, 3, 3),
        body_pose=(2, 23, 3, 3),
        betas=(2, 10),
        vertices=(2, 4, 3),
        joints3d=(2, 54, 3),
        joints_h36m=(2, 17, 3),
        local_cameras=(2, 5, 3),
        full_cameras=(2, 5, 3),
        camera_translation=(2, 3),
    )
    values = {name: torch.zeros(shape) for name, shape in shapes.items()}
    values['camera_translation'][:, 2] = torch.tensor([5.0, 10.0])
    for name, (index, value) in changes.items():
        values[name][index] = value
    return Predictions(**values)


def test_largest_differences():
    changes = dict(
        local_cameras=((1, 4, 0), -0.25),
        betas=((0, 3), 0.5),
        camera_translation=((1, 0), 0.1),  # of a body at 10 m
        vertices=((0, 2), torch.tensor([0.003, 0.0, 0.004])),
    )
    found = largest_differences(predictions(**changes), predictions())
    expected = dict(local_cameras=0.25, betas=0.5, camera_translation=0.01, vertices_mm=5.0)
    assert found == pytest.approx(expected)


def test_only_bf16_differs_on_the_cpu(small_multi_roi, mmroi_scope):
    networks = build_networks(load_config(small_multi_roi), [2], CPU, with_baselines=False)
    rows = measure_numerics(
        networks, batches_in_memory(CropSettings(1, (64, 48), 0.75, 1.2)), CPU, 2, ['fp32', 'bf16'], ['eager']
    )
    assert [(row['rois'], row['precision'], row['mode']) for row in rows] == [
        (2, 'fp32', 'eager'),
        (2, 'bf16', 'eager'),
    ]
    assert rows[0]['local_cameras'] == rows[0]['vertices_mm'] == 0 < rows[1]['local_cameras'] < 1e-2
    assert torch.backends.cudnn.allow_tf32
