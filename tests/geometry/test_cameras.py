import math

import pytest
import torch

from mmroi.geometry import (
    average_full_camera,
    camera_spread,
    crop_matrix,
    estimate_focal_length,
    full_to_local,
    local_to_full,
    make_rois,
    project,
    roi_offsets,
    to_crop_normalized,
)
from mmroi.geometry.cameras import smooth_floor


@pytest.fixture
def scene():
    """Full cameras of 4 persons and 5 RoIs of each."""
    torch.manual_seed(0)
    full = torch.tensor([[0.3, -0.2, 4.0], [-2.0, 0.5, 9.0], [0.0, 0.0, 2.0], [1.0, 1.0, 30.0]]).double()
    focal = torch.tensor([600.0, 1500.0, 900.0, 4000.0], dtype=torch.float64)
    base = torch.cat((focal[:, None] * full[:, :2] / full[:, 2:], 2.1 * focal[:, None] / full[:, 2:]), -1)
    return full, make_rois(base, roi_offsets(5)), focal


def test_estimated_focal_length_is_the_diagonal():
    assert estimate_focal_length(480, 640) == 800


def test_local_to_full_by_hand():
    camera, box = torch.tensor([0.8, 0.1, -0.2]).double(), torch.tensor([120.0, -60.0, 250.0]).double()
    # b s = 200: t_z = 2 * 1000 / 200, t_x = 0.1 + 240 / 200, t_y = -0.2 - 120 / 200
    torch.testing.assert_close(local_to_full(camera, box, 1000.0), torch.tensor([1.3, -0.8, 10.0]).double())


def test_local_and_full_are_inverse_in_float64():
    torch.manual_seed(1)
    cameras = torch.rand(50, 5, 3, dtype=torch.float64) + torch.tensor([0.3, -0.5, -0.5])
    boxes = torch.rand(50, 5, 3, dtype=torch.float64) * 2000 + torch.tensor([-1000.0, -1000.0, 30.0])
    focal = torch.rand(50, dtype=torch.float64) * 3000 + 300
    full = local_to_full(cameras, boxes, focal)
    torch.testing.assert_close(full_to_local(full, boxes, focal), cameras, rtol=0, atol=1e-11)
    local = full_to_local(full[:, :1], boxes, focal)
    again = local_to_full(local, boxes, focal)
    torch.testing.assert_close(again, full[:, :1].expand_as(again), rtol=1e-11, atol=1e-11)


def test_cameras_built_from_one_full_camera_are_consistent(scene):
    full, boxes, focal = scene
    local = full_to_local(full[:, None], boxes, focal)
    again = local_to_full(local, boxes, focal)
    torch.testing.assert_close(again, full[:, None].expand_as(again), rtol=1e-12, atol=1e-12)
    size = boxes[..., 2] * local[..., 0]
    torch.testing.assert_close(size, size[:, :1].expand_as(size))
    assert camera_spread(again).max() < 1e-12
    torch.testing.assert_close(average_full_camera(local, boxes, focal), full)


def test_local_camera_is_the_weak_perspective_of_the_crop(scene):
    """A point at the depth of the translation lands at s (X + t_x), s (Y + t_y) in a square crop."""
    full, boxes, focal = scene
    local = full_to_local(full[:, None], boxes, focal)
    points = torch.rand(4, 1, 8, 3, dtype=torch.float64) - 0.5
    points[..., 2] = 0
    pixels = project(points, full[:, None], focal).expand(-1, 5, -1, -1)
    expected = local[..., None, :1] * (points[..., :2] + local[..., None, 1:])
    torch.testing.assert_close(to_crop_normalized(pixels, boxes, aspect=1.0), expected)


def test_normalised_crop_coordinates_agree_with_the_crop_matrix(transform_points, scene):
    full, boxes, focal = scene
    center = torch.tensor([640.0, 360.0]).double()
    body = torch.randn(4, 1, 8, 3, dtype=torch.float64) * 0.3
    points = project(body, full[:, None], focal).expand(-1, 5, -1, -1)
    crop = transform_points(points + center, crop_matrix(boxes, center, (256, 192)))
    size = torch.tensor([192.0, 256.0]).double()
    torch.testing.assert_close((to_crop_normalized(points, boxes) + 1) / 2 * size, crop, rtol=0, atol=1e-9)


def test_project_by_hand_and_with_one_focal_length_per_person():
    points = torch.tensor([[[1.0, 2.0, 0.0]], [[0.0, 0.0, 1.0]]]).double()
    shift = torch.tensor([[0.0, 0.0, 4.0], [1.0, -1.0, 1.0]]).double()
    pixels = project(points, shift, torch.tensor([100.0, 200.0]).double())
    torch.testing.assert_close(pixels, torch.tensor([[[25.0, 50.0]], [[100.0, -100.0]]]).double())


def test_average_full_camera_by_hand():
    cameras = torch.tensor([[1.0, 0.0, 0.2], [0.5, 0.4, 0.0]]).double()
    boxes = torch.tensor([[0.0, 0.0, 100.0], [30.0, 0.0, 600.0]]).double()
    # b s = 100 and 300, mean 200; t_x = 0 and 0.4 + 60 / 300
    expected = torch.tensor([0.3, 0.1, 5.0]).double()
    torch.testing.assert_close(average_full_camera(cameras, boxes, 500.0), expected)


def test_camera_spread_by_hand():
    full = torch.tensor([[[1.0, 0, 5], [-1, 0, 5], [0, 1, 5], [0, -1, 5]], [[3.0, 3, 3]] * 4]).double()
    torch.testing.assert_close(camera_spread(full), torch.tensor([1.0, 0.0]).double())


def test_gradients(scene):
    full, boxes, focal = (x[:2].clone().requires_grad_() for x in scene)
    local = full_to_local(full[:, None], boxes, focal).detach().requires_grad_()
    points = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    several = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    for function, inputs in (
        (local_to_full, (local, boxes, focal)),
        (full_to_local, (full[:, None], boxes, focal)),
        (average_full_camera, (local, boxes, focal)),
        (project, (points, full, focal)),
        (to_crop_normalized, (points[..., :2], boxes[:, 0])),
        (camera_spread, (several,)),
    ):
        assert torch.autograd.gradcheck(function, inputs)


def test_dtype_follows_the_first_argument(scene):
    full, boxes, focal = scene
    local = full_to_local(full[:, None].float(), boxes, focal)
    assert local.dtype == torch.float32
    assert local_to_full(local.bfloat16(), boxes, focal).dtype == torch.float32
    assert project(torch.zeros(4, 2, 3).double(), full.float(), focal.float()).dtype == torch.float64


def test_autocast_changes_nothing(scene):
    full, boxes, focal = (x.float() for x in scene)

    def everything():
        local = full_to_local(full[:, None], boxes, focal)
        pixels = project(torch.ones(4, 1, 3, 3), local_to_full(local, boxes, focal), focal)
        return local, to_crop_normalized(pixels, boxes), average_full_camera(local, boxes, focal)

    plain = everything()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        cast = everything()
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))


def test_bfloat16_network_output_keeps_the_depth_of_a_small_box():
    camera, box = torch.tensor([0.5, 0, 0]).bfloat16(), torch.tensor([0.0, 0, 37.3]).double()
    depth = local_to_full(camera, box, 4123.7)[2]
    assert math.isclose(depth.item(), 2 * 4123.7 / (37.3 * 0.5), rel_tol=1e-6)


def test_smooth_floor_is_the_identity_above_the_knee():
    x = torch.tensor([0.2, 0.5, 3.0])
    torch.testing.assert_close(smooth_floor(x, 0.05, 0.2), x, rtol=0, atol=1e-7)


def test_smooth_floor_stays_above_the_minimum_with_a_gradient():
    x = torch.linspace(-1, 0.5, 400, dtype=torch.float64).requires_grad_()
    y = smooth_floor(x, 0.05, 0.2)
    y.sum().backward()
    assert (y > 0.05).all() and (y.diff() > 0).all() and (x.grad > 0).all()
    assert x.grad.diff().abs().max() < 0.03  # no kink: the slope never jumps


def test_smooth_floor_gradient():
    x = torch.tensor([-0.3, 0.1, 0.19, 0.21, 1.0], dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: smooth_floor(x, 0.05, 0.2), x)
