import pytest
import torch

from mmroi.geometry import full_to_local
from mmroi.models.losses import CameraConsistencyLoss


def random_case(num_persons=3, num_rois=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    cameras = torch.rand(num_persons, num_rois, 3, generator=generator, dtype=torch.float64) * 0.5 + 0.6
    boxes = torch.rand(num_persons, num_rois, 3, generator=generator, dtype=torch.float64) * 300 + 100
    return cameras, boxes


def pair_cost(camera_m, box_m, camera_n, box_n):
    """Equation 15 and 16 for one ordered pair."""
    (s_m, tx_m, ty_m), (cx_m, cy_m, b_m) = camera_m.tolist(), box_m.tolist()
    (s_n, tx_n, ty_n), (cx_n, cy_n, b_n) = camera_n.tolist(), box_n.tolist()
    x = (tx_m + 2 * cx_m / (b_m * s_m)) - (tx_n + 2 * cx_n / (b_n * s_n))
    y = (ty_m + 2 * cy_m / (b_m * s_m)) - (ty_n + 2 * cy_n / (b_n * s_n))
    s = b_m * s_m - b_n * s_n
    return 0.1 * x ** 2 + 0.1 * y ** 2 + 0.0001 * s ** 2


def test_closed_form_equals_the_loop_over_all_ordered_pairs():
    cameras, boxes = random_case()
    expected = sum(pair_cost(cameras[i, m], boxes[i, m], cameras[i, n], boxes[i, n])
                   for i in range(3) for m in range(4) for n in range(4)) / 3
    assert CameraConsistencyLoss()(cameras, boxes).item() == pytest.approx(expected, rel=1e-12)


def test_anchor_compares_the_first_roi_with_the_others_once():
    cameras, boxes = random_case()
    expected = sum(pair_cost(cameras[i, 0], boxes[i, 0], cameras[i, n], boxes[i, n])
                   for i in range(3) for n in range(1, 4)) / 3
    assert CameraConsistencyLoss(pairs='anchor')(cameras, boxes).item() == pytest.approx(expected, rel=1e-12)


def test_opposite_residuals_in_x_and_y_do_not_cancel():
    boxes = torch.tensor([[[0., 0., 200.], [0., 0., 200.]]])
    cameras = torch.tensor([[[1., 0.3, -0.3], [1., 0., 0.]]])
    loss = CameraConsistencyLoss(pairs='anchor')(cameras, boxes)
    assert loss.item() == pytest.approx(0.1 * 0.09 + 0.1 * 0.09, rel=1e-6)


@pytest.mark.parametrize('pairs', ['all', 'anchor'])
def test_views_of_one_full_camera_are_consistent(pairs):
    _, boxes = random_case()
    translation = torch.tensor([[0.4, -0.2, 6.0], [-1.0, 0.3, 9.0], [0.0, 0.1, 3.0]], dtype=torch.float64)
    focal_length = torch.tensor([500., 900., 1500.], dtype=torch.float64)
    cameras = full_to_local(translation[:, None], boxes, focal_length)
    assert CameraConsistencyLoss(pairs=pairs)(cameras, boxes).item() < 1e-20


@pytest.mark.parametrize('pairs', ['all', 'anchor'])
def test_gradient(pairs):
    cameras, boxes = random_case()
    loss = CameraConsistencyLoss(pairs=pairs)
    assert torch.autograd.gradcheck(lambda c: loss(c, boxes), cameras.requires_grad_())


def test_one_roi_gives_a_differentiable_zero():
    cameras, boxes = random_case(num_rois=1)
    loss = CameraConsistencyLoss()(cameras.requires_grad_(), boxes)
    loss.backward()
    assert loss.item() == 0 and torch.equal(cameras.grad, torch.zeros_like(cameras))


def test_weight_dtype_and_half_precision():
    cameras, boxes = random_case()
    one = CameraConsistencyLoss()(cameras.float(), boxes)
    assert one.dtype == torch.float32
    three = CameraConsistencyLoss(loss_weight=3.0)(cameras.float(), boxes)
    assert three.item() == pytest.approx(3 * one.item(), rel=1e-6)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(CameraConsistencyLoss()(cameras.float(), boxes), one)


def test_unknown_pairs():
    with pytest.raises(ValueError, match="'all' or 'anchor'"):
        CameraConsistencyLoss(pairs='some')
