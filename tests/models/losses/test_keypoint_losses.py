import pytest
import torch

from mmroi.geometry import full_to_local, project
from mmroi.models.losses import Keypoint2DLoss, Keypoint3DLoss
from mmroi.structures import SMPL_54, SPIN_24, get_convention

HAS = torch.tensor([1.0, 0.0, 1.0])
K = 54
ASPECT = 0.75
FOCAL = torch.tensor([500.0, 800.0, 1200.0], dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case_3d():
    target = torch.cat([random(3, K, 3, seed=1), uniform(3, K, 1) + 0.1], dim=-1)
    return random(3, K, 3), target


def case_2d():
    joints = 0.4 * random(3, K, 3)
    cameras = torch.cat([uniform(3, 2, 1) + 0.5, 0.2 * random(3, 2, 2, seed=1)], dim=-1)
    boxes = torch.cat([100 * random(3, 2, 2, seed=2), 200 + 100 * uniform(3, 2, 1, seed=3)], dim=-1)
    target = torch.cat([100 * random(3, K, 2, seed=4), uniform(3, K, 1, seed=5)], dim=-1)
    return joints, cameras, boxes, target


def loss_3d(joints, target, root, counted, divisor=None):
    """Mean over samples 0 and 2 of the weighted mean over joints and axes, by loops."""
    joints, target = joints.tolist(), target.tolist()
    total = 0.0
    for i in (0, 2):
        above = sum(
            target[i][k][3]
            * (
                joints[i][k][axis]
                - sum(joints[i][r][axis] for r in root) / len(root)
                - target[i][k][axis]
                + sum(target[i][r][axis] for r in root) / len(root)
            )
            ** 2
            for k in counted
            for axis in range(3)
        )
        total += above / (3 * (divisor or sum(target[i][k][3] for k in counted)))
    return total / 2


def indices(*names):
    return [SMPL_54.index(name) for name in names]


LSP_HIPS, SMPL_HIPS = indices('right_hip_extra', 'left_hip_extra'), indices('left_hip', 'right_hip')
SPIN = indices(*SPIN_24)


def test_3d_equals_plain_loops():
    loss = Keypoint3DLoss(loss_weight=3.0)(*case_3d(), HAS)
    assert loss.item() == pytest.approx(3.0 * loss_3d(*case_3d(), LSP_HIPS, range(K)), rel=1e-6)


def test_3d_of_spins_joints_divided_by_24():
    joints, target = case_3d()
    target[:, SPIN[3:7], 3] = 0  # unlabeled joints lower SPIN's loss
    target[:, LSP_HIPS, 3] = 1
    loss = Keypoint3DLoss(loss_weight=1.0, joints='smpl_24', num_joints=24)(joints, target, HAS)
    assert loss.item() == pytest.approx(loss_3d(joints, target, LSP_HIPS, SPIN, 24), rel=1e-6)


@pytest.mark.parametrize(
    ('unlabeled', 'root'),
    [
        ((), LSP_HIPS),
        (LSP_HIPS[:1], SMPL_HIPS),
        (LSP_HIPS + SMPL_HIPS[1:], indices('pelvis_extra')),
        (LSP_HIPS + SMPL_HIPS + indices('pelvis_extra'), indices('pelvis')),
    ],
)
def test_3d_is_aligned_at_what_is_labeled(unlabeled, root):
    joints, target = case_3d()
    target[:, list(unlabeled)] = torch.tensor([torch.nan] * 3 + [0.0], dtype=target.dtype)
    counted = [k for k in range(K) if k not in unlabeled]
    loss = Keypoint3DLoss(loss_weight=1.0)
    assert loss(joints, target, HAS).item() == pytest.approx(loss_3d(joints, target, root, counted), rel=1e-6)
    assert loss(joints + 5, target, HAS).item() == pytest.approx(loss(joints, target, HAS).item())


@pytest.mark.parametrize(
    'convention',
    [
        'h36m',
        'mpi_inf_3dhp',
        'mpi_inf_3dhp_test',
        'smpl_24',
        'smpl_49',
        'lsp',
        'coco',
        'mpii',
        'smpl',
        'smpl_54',
        'human_data',
    ],
)
def test_3d_lives_for_every_convention(convention):
    """Of all but the last three it was zero once: they label LSP's hips, not SMPL's."""
    joints, target = case_3d()
    named = torch.tensor([name in get_convention(convention) for name in SMPL_54])
    target[:, ~named] = 0
    moved = joints + torch.where(named, 0.1, 0.0)[:, None] * random(3, K, 3, seed=7)
    truth = torch.where(named[:, None], target[..., :3], joints)
    for loss in (Keypoint3DLoss(), Keypoint3DLoss(joints='smpl_24', num_joints=24)):
        counts = loss.reaches(target[..., 3], target[..., 3], HAS)
        assert counts.all() and loss(moved, target, HAS) > 0
        assert loss(truth + 3, target, HAS).item() == pytest.approx(0, abs=1e-12)


def loss_2d(case, counted, divisor=None):
    joints, cameras, boxes, target = (x.tolist() for x in case)
    total = 0.0
    for i in (0, 2):
        focal = FOCAL[i].item()
        weight = divisor or sum(target[i][k][2] for k in counted)
        for m in range(2):
            (s, tx, ty), (cx, cy, b) = cameras[i][m], boxes[i][m]
            full = tx + 2 * cx / (b * s), ty + 2 * cy / (b * s), 2 * focal / (b * s)
            for k in counted:
                x, y, z = (a + t for a, t in zip(joints[i][k], full, strict=True))
                u, v, confidence = target[i][k]
                residual = (focal * x / z - u) / (0.75 * b / 2), (focal * y / z - v) / (b / 2)
                total += confidence * (residual[0] ** 2 + residual[1] ** 2) / (2 * weight) / 2  # RoIs
    return total / 2


def test_2d_equals_plain_loops():
    joints, cameras, boxes, target = case_2d()
    loss = Keypoint2DLoss(loss_weight=2.0)(joints, cameras, boxes, FOCAL, ASPECT, target, HAS)
    assert loss.item() == pytest.approx(2.0 * loss_2d(case_2d(), range(K)), rel=1e-6)
    spin = Keypoint2DLoss(joints='smpl_24', num_joints=49, loss_weight=1.0)
    loss = spin(joints, cameras, boxes, FOCAL, ASPECT, target, HAS)
    assert loss.item() == pytest.approx(loss_2d(case_2d(), SPIN, 49), rel=1e-6)


def test_the_same_roi_more_often_does_not_change_the_2d_loss():
    """Table 4 of the paper compares final values over M; a sum over RoIs would grow with it."""
    joints, cameras, boxes, target = case_2d()
    one, five = (
        Keypoint2DLoss()(
            joints,
            cameras[:, :1].expand(-1, m, -1),
            boxes[:, :1].expand(-1, m, -1),
            FOCAL,
            ASPECT,
            target,
            HAS,
        ).item()
        for m in (1, 5)
    )
    assert one == pytest.approx(five, rel=1e-9)


def test_2d_is_zero_for_the_true_camera_seen_through_any_roi():
    joints, _, boxes, _ = case_2d()
    translation = torch.tensor([[0.5, 0.1, 5.0], [-1.0, 0.2, 8.0], [0.0, 0.0, 4.0]], dtype=torch.float64)
    pixels = project(joints, translation, FOCAL)
    target = torch.cat([pixels, torch.ones(3, K, 1)], dim=-1)
    cameras = full_to_local(translation[:, None], boxes, FOCAL)
    assert Keypoint2DLoss()(joints, cameras, boxes, FOCAL, ASPECT, target, torch.ones(3)).item() < 1e-20


def test_2d_is_measured_in_half_crops():
    """A joint on the optical axis, labeled at the middle of the crop's right border, is off by 1."""
    boxes = torch.tensor([[[0.0, 0.0, 200.0]]])
    target = torch.zeros(1, K, 3)
    target[0, 4] = torch.tensor([75.0, 0.0, 1.0])
    cameras = torch.tensor([[[1.0, 0.0, 0.0]]])
    loss = Keypoint2DLoss(loss_weight=1.0)(
        torch.zeros(1, K, 3), cameras, boxes, torch.tensor([500.0]), ASPECT, target, torch.ones(1)
    )
    assert loss.item() == pytest.approx(0.5)  # mean of 1 (x) and 0 (y)


def test_2d_of_a_mesh_for_each_roi_is_the_mean_of_the_rois_alone():
    _, cameras, boxes, target = case_2d()
    joints = 0.4 * random(3, 2, K, 3)
    together = Keypoint2DLoss()(joints, cameras, boxes, FOCAL, ASPECT, target, HAS)
    alone = [
        Keypoint2DLoss()(joints[:, m], cameras[:, m : m + 1], boxes[:, m : m + 1], FOCAL, ASPECT, target, HAS)
        for m in range(2)
    ]
    torch.testing.assert_close(together, sum(alone) / 2)


def test_2d_in_the_crop_equals_spins_projection():
    """Rotation-free perspective with f = 5000 into a crop of 224 pixels, t = (t_x, t_y, 2 f / (224 s))."""
    joints, cameras, boxes, target = (x.tolist() for x in case_2d())
    expected = 0.0
    for i in (0, 2):
        for m in range(2):
            (s, tx, ty), (cx, cy, b) = cameras[i][m], boxes[i][m]
            for k in range(K):
                x, y, z = (a + t for a, t in zip(joints[i][k], (tx, ty, 2 * 5000 / (224 * s)), strict=True))
                u, v, confidence = target[i][k]
                share = confidence / sum(point[2] for point in target[i])
                wanted = (u - cx) * 224 / b, (v - cy) * 224 / b  # pixels of the crop about its middle
                expected += (
                    share
                    * sum(((5000 * a / z - w) / 112) ** 2 for a, w in zip((x, y), wanted, strict=True))
                    / 4
                )
    joints, cameras, boxes, target = case_2d()
    loss = Keypoint2DLoss(loss_weight=2.0, frame='crop')(joints, cameras, boxes, FOCAL, 1.0, target, HAS)
    assert loss.item() == pytest.approx(2.0 * expected / 2, rel=1e-9)


def test_2d_in_the_crop_knows_nothing_of_where_the_crop_lies():
    joints, cameras, boxes, target = case_2d()
    boxes, shift = boxes[:, :1], torch.tensor([300.0, -200.0], dtype=torch.float64)
    elsewhere, moved = boxes.clone(), target.clone()
    elsewhere[..., :2] += shift
    moved[..., :2] += shift
    for frame, same in (('crop', True), ('full', False)):
        losses = [
            Keypoint2DLoss(frame=frame)(joints, cameras[:, :1], b, FOCAL, ASPECT, t, HAS).item()
            for b, t in ((boxes, target), (elsewhere, moved))
        ]
        assert (losses[0] == pytest.approx(losses[1], rel=1e-9)) == same


def test_unknown_frame():
    with pytest.raises(ValueError, match="'full' or 'crop', got 'image'"):
        Keypoint2DLoss(frame='image')


def test_gradients():
    joints, target = case_3d()
    assert torch.autograd.gradcheck(lambda x: Keypoint3DLoss()(x, target, HAS), joints.requires_grad_())
    joints, cameras, boxes, target = case_2d()
    assert torch.autograd.gradcheck(
        lambda x, c: Keypoint2DLoss()(x, c, boxes, FOCAL, ASPECT, target, HAS),
        (joints.requires_grad_(), cameras.requires_grad_()),
    )


def test_a_camera_within_the_body_gives_a_finite_loss_that_pushes_it_away():
    joints = torch.tensor([0.1, 0.5, 1.0]).repeat(1, K, 1)
    joints[0, 0, 2] = -1.5
    # Depth 0.5 m: the first joint is behind the camera.
    cameras = torch.tensor([[[8.0, 0.0, 0.0]]], requires_grad=True)
    boxes = torch.tensor([[[0.0, 0.0, 250.0]]])
    target = torch.tensor([[[0.0, 0.0, 1.0]] * K])
    loss = Keypoint2DLoss()(joints, cameras, boxes, torch.tensor([500.0]), ASPECT, target, torch.ones(1))
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


def test_3d_sample_without_a_root_counts_as_unlabeled():
    joints, target = case_3d()
    roots = LSP_HIPS + SMPL_HIPS + indices('pelvis', 'pelvis_extra')
    target[2, roots, 3] = 0
    alone = Keypoint3DLoss()(joints[:1], target[:1], HAS[:1])
    assert torch.equal(Keypoint3DLoss()(joints, target, HAS), alone)
    assert Keypoint3DLoss().reaches(target[..., 3], target[..., 3], HAS).tolist() == [True, True, False]


def test_a_joint_that_does_not_count_reaches_nothing():
    confidence = torch.zeros(1, K)
    confidence[0, indices('left_hand', 'left_hip', 'right_hip')] = 1
    for everywhere, spin in (
        (Keypoint2DLoss(), Keypoint2DLoss(joints='smpl_24')),
        (Keypoint3DLoss(), Keypoint3DLoss(joints='smpl_24')),
    ):
        assert everywhere.reaches(confidence, confidence, torch.zeros(1)).all()
        assert not spin.reaches(confidence, confidence, torch.ones(1)).any()


def test_unknown_convention():
    with pytest.raises(ValueError, match="unknown keypoint convention 'spin'"):
        Keypoint3DLoss(joints='spin')


def test_no_label_at_all_gives_a_differentiable_zero():
    joints, target = case_3d()
    loss_3d = Keypoint3DLoss()(joints.requires_grad_(), target, torch.zeros(3))
    joints_2d, cameras, boxes, target = case_2d()
    loss_2d = Keypoint2DLoss()(
        joints_2d.requires_grad_(), cameras, boxes, FOCAL, ASPECT, target, torch.zeros(3)
    )
    (loss_3d + loss_2d).backward()
    assert loss_3d.item() == loss_2d.item() == 0
    assert (joints.grad == 0).all() and (joints_2d.grad == 0).all()


def test_those_whom_a_loss_reaches_are_those_it_divides_by():
    """A sample that labels joints, but none that counts, does not dilute the mean."""
    joints, target = case_3d()
    target[0] = 0
    target[0, SMPL_HIPS] = 1  # a root, and no joint of SPIN's
    spin = Keypoint3DLoss(joints='smpl_24')
    assert spin.reaches(target[..., 3], target[..., 3], HAS).tolist() == [False, True, True]
    assert torch.equal(spin(joints, target, HAS), spin(joints[2:], target[2:], HAS[2:]))
    joints, cameras, boxes, target = case_2d()
    target[0, :, 2] = 0
    target[0, indices('left_foot'), 2] = 1
    spin = Keypoint2DLoss(joints='smpl_24')
    assert spin.reaches(target[..., 2], target[..., 2], HAS).tolist() == [False, True, True]
    alone = spin(joints[2:], cameras[2:], boxes[2:], FOCAL[2:], ASPECT, target[2:], HAS[2:])
    assert torch.equal(spin(joints, cameras, boxes, FOCAL, ASPECT, target, HAS), alone)
