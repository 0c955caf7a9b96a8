import pytest
import torch

from mmroi.geometry import full_to_local, project
from mmroi.models.losses import Keypoint2DLoss, Keypoint3DLoss

HAS = torch.tensor([1., 0., 1.])
ASPECT = 0.75
FOCAL = torch.tensor([500., 800., 1200.], dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case_3d():
    target = torch.cat([random(3, 6, 3, seed=1), uniform(3, 6, 1) + 0.1], dim=-1)
    return random(3, 6, 3), target


def case_2d():
    joints = 0.4 * random(3, 6, 3)
    cameras = torch.cat([uniform(3, 2, 1) + 0.5, 0.2 * random(3, 2, 2, seed=1)], dim=-1)
    boxes = torch.cat([100 * random(3, 2, 2, seed=2), 200 + 100 * uniform(3, 2, 1, seed=3)], dim=-1)
    target = torch.cat([100 * random(3, 6, 2, seed=4), uniform(3, 6, 1, seed=5)], dim=-1)
    return joints, cameras, boxes, target


def test_3d_equals_plain_loops():
    joints, target = (x.tolist() for x in case_3d())
    weights = [1.0, 0.0, 2.0, 1.0, 0.5, 1.0]
    expected = 0.0
    for i in (0, 2):
        for axis in range(3):
            pelvis = (joints[i][1][axis] + joints[i][2][axis]) / 2
            wanted = (target[i][1][axis] + target[i][2][axis]) / 2
            for k in range(6):
                residual = joints[i][k][axis] - pelvis - target[i][k][axis] + wanted
                expected += weights[k] * target[i][k][3] * residual ** 2 / 18
    loss = Keypoint3DLoss(loss_weight=3.0, joint_weights=weights)(*case_3d(), HAS)
    assert loss.item() == pytest.approx(3.0 * expected / 2, rel=1e-6)


def test_2d_equals_plain_loops():
    joints, cameras, boxes, target = (x.tolist() for x in case_2d())
    expected = 0.0
    for i in (0, 2):
        focal = FOCAL[i].item()
        for m in range(2):
            (s, tx, ty), (cx, cy, b) = cameras[i][m], boxes[i][m]
            full = tx + 2 * cx / (b * s), ty + 2 * cy / (b * s), 2 * focal / (b * s)
            for k in range(6):
                x, y, z = (a + t for a, t in zip(joints[i][k], full, strict=True))
                u, v, confidence = target[i][k]
                residual = (focal * x / z - u) / (0.75 * b / 2), (focal * y / z - v) / (b / 2)
                expected += confidence * (residual[0] ** 2 + residual[1] ** 2) / 12
    joints, cameras, boxes, target = case_2d()
    loss = Keypoint2DLoss(loss_weight=2.0)(joints, cameras, boxes, FOCAL, ASPECT, target, HAS)
    assert loss.item() == pytest.approx(2.0 * expected / 2, rel=1e-12)


def test_2d_is_zero_for_the_true_camera_seen_through_any_roi():
    joints, _, boxes, _ = case_2d()
    translation = torch.tensor([[0.5, 0.1, 5.0], [-1.0, 0.2, 8.0], [0.0, 0.0, 4.0]], dtype=torch.float64)
    pixels = project(joints, translation, FOCAL)
    target = torch.cat([pixels, torch.ones(3, 6, 1)], dim=-1)
    cameras = full_to_local(translation[:, None], boxes, FOCAL)
    assert Keypoint2DLoss()(joints, cameras, boxes, FOCAL, ASPECT, target, torch.ones(3)).item() < 1e-20


def test_2d_is_measured_in_half_crops():
    """A joint on the optical axis, labelled at the middle of the crop's right border, is off by 1."""
    boxes = torch.tensor([[[0., 0., 200.]]])
    target = torch.tensor([[[75., 0., 1.]]])
    cameras = torch.tensor([[[1., 0., 0.]]])
    loss = Keypoint2DLoss(loss_weight=1.0)(
        torch.zeros(1, 1, 3), cameras, boxes, torch.tensor([500.]), ASPECT, target, torch.ones(1))
    assert loss.item() == pytest.approx(0.5)  # mean of 1 (x) and 0 (y)


def test_2d_of_a_mesh_for_each_roi_is_the_sum_of_the_rois_alone():
    _, cameras, boxes, target = case_2d()
    joints = 0.4 * random(3, 2, 6, 3)
    together = Keypoint2DLoss()(joints, cameras, boxes, FOCAL, ASPECT, target, HAS)
    alone = [Keypoint2DLoss()(joints[:, m], cameras[:, m:m + 1], boxes[:, m:m + 1], FOCAL, ASPECT, target,
                              HAS) for m in range(2)]
    torch.testing.assert_close(together, sum(alone))


def test_2d_in_the_crop_equals_spins_projection():
    """Rotation-free perspective with f = 5000 into a crop of 224 pixels, t = (t_x, t_y, 2 f / (224 s))."""
    joints, cameras, boxes, target = (x.tolist() for x in case_2d())
    expected = 0.0
    for i in (0, 2):
        for m in range(2):
            (s, tx, ty), (cx, cy, b) = cameras[i][m], boxes[i][m]
            for k in range(6):
                x, y, z = (a + t for a, t in zip(joints[i][k], (tx, ty, 2 * 5000 / (224 * s)), strict=True))
                u, v, confidence = target[i][k]
                wanted = (u - cx) * 224 / b, (v - cy) * 224 / b  # pixels of the crop about its middle
                expected += confidence * sum(
                    ((5000 * a / z - w) / 112) ** 2 for a, w in zip((x, y), wanted, strict=True)) / 12
    joints, cameras, boxes, target = case_2d()
    loss = Keypoint2DLoss(loss_weight=2.0, frame='crop')(joints, cameras, boxes, FOCAL, 1.0, target, HAS)
    assert loss.item() == pytest.approx(2.0 * expected / 2, rel=1e-12)


def test_2d_in_the_crop_knows_nothing_of_where_the_crop_lies():
    joints, cameras, boxes, target = case_2d()
    boxes, shift = boxes[:, :1], torch.tensor([300., -200.], dtype=torch.float64)
    elsewhere, moved = boxes.clone(), target.clone()
    elsewhere[..., :2] += shift
    moved[..., :2] += shift
    for frame, same in (('crop', True), ('full', False)):
        losses = [Keypoint2DLoss(frame=frame)(joints, cameras[:, :1], b, FOCAL, ASPECT, t, HAS).item()
                  for b, t in ((boxes, target), (elsewhere, moved))]
        assert (losses[0] == pytest.approx(losses[1], rel=1e-9)) == same


def test_unknown_frame():
    with pytest.raises(ValueError, match="'full' or 'crop', got 'image'"):
        Keypoint2DLoss(frame='image')


def test_gradients():
    joints, target = case_3d()
    assert torch.autograd.gradcheck(lambda x: Keypoint3DLoss()(x, target, HAS), joints.requires_grad_())
    joints, cameras, boxes, target = case_2d()
    assert torch.autograd.gradcheck(lambda x, c: Keypoint2DLoss()(x, c, boxes, FOCAL, ASPECT, target, HAS),
                                    (joints.requires_grad_(), cameras.requires_grad_()))


def test_a_camera_within_the_body_gives_a_finite_loss_that_pushes_it_away():
    joints = torch.tensor([[[0.1, 0.5, -1.5], [0.1, 0.5, 1.0]]])
    # Depth 0.5 m: the first joint is behind the camera.
    cameras = torch.tensor([[[8.0, 0., 0.]]], requires_grad=True)
    boxes = torch.tensor([[[0., 0., 250.]]])
    target = torch.tensor([[[0., 0., 1.]] * 2])
    loss = Keypoint2DLoss()(joints, cameras, boxes, torch.tensor([500.]), ASPECT, target, torch.ones(1))
    loss.backward()
    assert loss.isfinite() and cameras.grad.isfinite().all()
    assert cameras.grad[0, 0, 0] > 0  # a smaller scale, which is a greater depth, lowers the loss


def test_absent_labels_may_be_nan():
    joints, target = case_3d()
    target[1] = torch.nan
    joints.requires_grad_()
    loss = Keypoint3DLoss()(joints, target, HAS)
    loss.backward()
    assert loss.isfinite() and joints.grad.isfinite().all() and (joints.grad[1] == 0).all()
    joints, cameras, boxes, target = case_2d()
    target[1] = torch.nan
    joints.requires_grad_()
    loss = Keypoint2DLoss()(joints, cameras, boxes, FOCAL, ASPECT, target, HAS)
    loss.backward()
    assert loss.isfinite() and joints.grad.isfinite().all() and (joints.grad[1] == 0).all()


def test_joints_without_confidence_do_not_count():
    joints, target = case_3d()
    target[:, 4, 3] = 0
    moved = target.clone()
    moved[:, 4, :3] += 100
    assert torch.equal(Keypoint3DLoss()(joints, target, HAS), Keypoint3DLoss()(joints, moved, HAS))


def test_3d_sample_without_hips_counts_as_unlabelled():
    joints, target = case_3d()
    target[2, 1, 3] = 0
    alone = Keypoint3DLoss()(joints[:1], target[:1], HAS[:1])
    assert torch.equal(Keypoint3DLoss()(joints, target, HAS), alone)


def test_no_label_at_all_gives_a_differentiable_zero():
    joints, target = case_3d()
    loss_3d = Keypoint3DLoss()(joints.requires_grad_(), target, torch.zeros(3))
    joints_2d, cameras, boxes, target = case_2d()
    loss_2d = Keypoint2DLoss()(joints_2d.requires_grad_(), cameras, boxes, FOCAL, ASPECT, target,
                               torch.zeros(3))
    (loss_3d + loss_2d).backward()
    assert loss_3d.item() == loss_2d.item() == 0
    assert (joints.grad == 0).all() and (joints_2d.grad == 0).all()
