import itertools
import math

import pytest
import torch

from mmroi.geometry import full_to_local
from mmroi.models.losses import CameraConsistencyLoss


def random_case(num_persons=3, num_rois=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    cameras = torch.rand(num_persons, num_rois, 3, generator=generator, dtype=torch.float64) * 0.5 + 0.6
    boxes = torch.rand(num_persons, num_rois, 3, generator=generator, dtype=torch.float64) * 300 + 100
    return cameras, boxes


def residuals(camera_m, box_m, camera_n, box_n, scale):
    """Equation 15 for one ordered pair: in x, y and the scale."""
    (s_m, tx_m, ty_m), (cx_m, cy_m, b_m) = camera_m.tolist(), box_m.tolist()
    (s_n, tx_n, ty_n), (cx_n, cy_n, b_n) = camera_n.tolist(), box_n.tolist()
    x = (tx_m + 2 * cx_m / (b_m * s_m)) - (tx_n + 2 * cx_n / (b_n * s_n))
    y = (ty_m + 2 * cy_m / (b_m * s_m)) - (ty_n + 2 * cy_n / (b_n * s_n))
    s = b_m * s_m - b_n * s_n if scale == 'pixels' else math.log(b_m * s_m / (b_n * s_n))
    return x, y, s


@pytest.mark.parametrize(('scale', 'weight_s'), [('pixels', 0.0001), ('log', 0.1)])
def test_closed_form_equals_the_loop_over_all_ordered_pairs(scale, weight_s):
    """With pixels and 1e-4, equations 15 and 16 as they are printed."""
    cameras, boxes = random_case()
    expected = 0.0
    for i, m, n in itertools.product(range(3), range(4), range(4)):
        x, y, s = residuals(cameras[i, m], boxes[i, m], cameras[i, n], boxes[i, n], scale)
        expected += (0.1 * x**2 + 0.1 * y**2 + weight_s * s**2) / 3
    loss = CameraConsistencyLoss(weight_s=weight_s, scale=scale)(cameras, boxes)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_the_released_form_equals_plain_loops():
    """RoI 1 against all, x and y summed, 1e-4 on the residual of the scale before it is squared."""
    cameras, boxes = random_case()
    expected = 0.0
    for i, n in itertools.product(range(3), range(4)):
        x, y, s = residuals(cameras[i, n], boxes[i, n], cameras[i, 0], boxes[i, 0], 'pixels')
        expected += ((x + y) ** 2 + (1e-4 * s) ** 2) / 12
    loss = CameraConsistencyLoss(1.0, 1.0, 1e-8, scale='pixels', pairs='anchor', sum_xy=True)
    assert loss(cameras, boxes).item() == pytest.approx(expected, rel=1e-12)


def test_anchor_is_the_mean_over_the_rois():
    cameras, boxes = random_case()
    expected = 0.0
    for i, n in itertools.product(range(3), range(4)):
        x, y, s = residuals(cameras[i, 0], boxes[i, 0], cameras[i, n], boxes[i, n], 'log')
        expected += (0.1 * x**2 + 0.1 * y**2 + 0.1 * s**2) / 12
    assert CameraConsistencyLoss(pairs='anchor')(cameras, boxes).item() == pytest.approx(expected, rel=1e-12)


def test_opposite_residuals_in_x_and_y_cancel_in_their_sum_only():
    boxes = torch.tensor([[[0.0, 0.0, 200.0], [0.0, 0.0, 200.0]]])
    cameras = torch.tensor([[[1.0, 0.3, -0.3], [1.0, 0.0, 0.0]]])
    loss = CameraConsistencyLoss(pairs='anchor')(cameras, boxes)
    assert loss.item() == pytest.approx((0.1 * 0.09 + 0.1 * 0.09) / 2, rel=1e-6)
    assert CameraConsistencyLoss(pairs='anchor', sum_xy=True)(cameras, boxes).item() == 0


def test_logarithms_do_not_depend_on_the_size_of_the_image():
    cameras, boxes = random_case()
    small, large = (CameraConsistencyLoss()(cameras, size * boxes).item() for size in (1, 10))
    assert small == pytest.approx(large, rel=1e-9)
    small, large = (CameraConsistencyLoss(scale='pixels')(cameras, size * boxes).item() for size in (1, 10))
    assert large > 50 * small


def test_a_scale_that_is_no_cameras_gives_a_finite_loss_that_raises_it():
    boxes = torch.tensor([[[0.0, 0.0, 200.0], [0.0, 0.0, 200.0]]])
    cameras = torch.tensor([[[-0.01, 0.0, 0.0], [1.0, 0.0, 0.0]]], requires_grad=True)
    loss = CameraConsistencyLoss(weight_x=0, weight_y=0)(cameras, boxes)
    loss.backward()
    assert loss.isfinite() and cameras.grad.isfinite().all() and cameras.grad[0, 0, 0] < 0


@pytest.mark.parametrize('pairs', ['all', 'anchor'])
def test_views_of_one_full_camera_are_consistent(pairs):
    _, boxes = random_case()
    translation = torch.tensor([[0.4, -0.2, 6.0], [-1.0, 0.3, 9.0], [0.0, 0.1, 3.0]], dtype=torch.float64)
    focal_length = torch.tensor([500.0, 900.0, 1500.0], dtype=torch.float64)
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


@pytest.mark.parametrize(
    ('wrong', 'match'),
    [
        (dict(pairs='some'), "'all' or 'anchor'"),
        (dict(scale='meters'), "'log' or 'pixels'"),
        (dict(sum_xy=True, weight_x=0.2), 'must be equal, got 0.2 and 0.1'),
    ],
)
def test_bad_arguments(wrong, match):
    with pytest.raises(ValueError, match=match):
        CameraConsistencyLoss(**wrong)
