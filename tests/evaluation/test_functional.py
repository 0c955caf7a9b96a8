import math

import pytest
import torch
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.transform import Rotation

from mmroi.evaluation import (
    auc,
    camera_translation_error,
    depth_error,
    joint_errors,
    mpjpe,
    orientation_error,
    pa_joint_errors,
    pa_mpjpe,
    pck,
    pve,
)


def points(seed, n=4, k=14):
    return torch.randn(n, k, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_values_by_hand():
    target = torch.zeros(1, 2, 3)
    pred = torch.tensor([[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]])
    assert joint_errors(pred, target).tolist() == [[5.0, 1.0]]
    assert mpjpe(pred, target).tolist() == [3.0]
    assert pve(pred, target).tolist() == [3.0]
    assert camera_translation_error(
        torch.tensor([[0.0, 3.0, 8.0]]), torch.tensor([[0.0, 0.0, 4.0]])
    ).tolist() == [5.0]
    assert depth_error(torch.tensor([[9.0, 9.0, 5.0]]), torch.tensor([[0.0, 0.0, 4.0]])).tolist() == [25.0]


def test_pck_by_hand():
    errors = torch.tensor([[0.0, 149.9, 150.0, 151.0], [10.0, 20.0, 30.0, 40.0]])
    assert pck(errors, 150).tolist() == [50, 100]  # exactly 150 is too far
    assert pck(errors, 25).tolist() == [25, 50]
    assert pck(errors.double(), 0).tolist() == [0, 0]


def test_auc_by_hand():
    # Thresholds 0, 5, ..., 150: an error of 0 is below 30 of the 31, one of 12 below the 28 from 15 on.
    errors = torch.tensor([[0.0, 0.0], [12.0, 12.0], [0.0, 12.0], [5.0, 150.0]])
    expected = [3000 / 31, 2800 / 31, 2900 / 31, (2900 + 0) / 62]
    assert auc(errors, 150) == pytest.approx(expected)
    # Thresholds 0, 1, 2.
    assert auc(torch.tensor([[0.5, 1.5]]), 2, steps=3) == pytest.approx([(0 + 50 + 100) / 3])


def test_auc_falls_and_pck_never_rises_with_the_error():
    errors = torch.linspace(0, 200, 401, dtype=torch.float64)[:, None]
    for values in (auc(errors, 150), pck(errors, 150)):
        assert (values.diff() <= 0).all() and values[0] > 96 and values[-1] == 0


def test_orientation_error_is_the_angle_in_degrees():
    turn = torch.from_numpy(Rotation.from_rotvec([[0, math.radians(30), 0], [math.pi, 0, 0]]).as_matrix())
    other = torch.from_numpy(Rotation.random(2, random_state=0).as_matrix())
    assert orientation_error(turn @ other, other) == pytest.approx([30, 180], abs=1e-4)
    assert orientation_error(other, other) == pytest.approx([0, 0], abs=1e-4)


def test_mpjpe_of_a_translation_is_its_length():
    target = points(0)
    assert mpjpe(target + torch.tensor([2.0, 3.0, 6.0]), target) == pytest.approx([7] * 4)


def test_pa_mpjpe_ignores_any_similarity_of_the_prediction():
    pred, target = points(1), points(2)
    rotation = torch.from_numpy(Rotation.random(4, random_state=1).as_matrix())
    moved = 2.5 * pred @ rotation.mT + torch.tensor([1.0, -2.0, 3.0])
    assert pa_mpjpe(moved, target) == pytest.approx(pa_mpjpe(pred, target).tolist())
    assert pa_mpjpe(2.5 * target @ rotation.mT + 1, target) == pytest.approx([0] * 4, abs=1e-9)


def test_pa_mpjpe_does_not_reflect():
    target = points(3)
    mirrored = target * torch.tensor([-1.0, 1.0, 1.0])
    assert (pa_mpjpe(mirrored, target) > 0.1).all()


def test_pa_mpjpe_equals_scipy():
    pred, target = points(4, n=1), points(5, n=1)
    if torch.linalg.det(pred[0].mT @ target[0]) < 0:  # scipy's alignment may reflect, ours must not
        pred = -pred
    pred = target + 0.2 * pred
    first, second, _ = scipy_procrustes(target[0].numpy(), pred[0].numpy())
    scale = (target[0] - target[0].mean(0)).norm().item()  # scipy normalizes the target to unit norm
    expected = scale * ((first - second) ** 2).sum(-1) ** 0.5
    assert pa_mpjpe(pred, target).item() == pytest.approx(expected.mean())
    assert pa_joint_errors(pred, target)[0].tolist() == pytest.approx(expected.tolist())


def test_shapes_are_not_broadcast():
    with pytest.raises(ValueError, match=r'\(4, 14, 3\).*\(1, 14, 3\)'):
        joint_errors(points(0), points(0, n=1))
