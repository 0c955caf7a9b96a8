import math

import pytest
import torch

from mmroi.geometry import local_to_full
from mmroi.models.losses.volume_loss import HYBRIK_JOINTS
from mmroi.models.mmhuman3d import HybrIKHead
from mmroi.models.mmhuman3d.hybrik_head import CHILDREN, PARENTS, back_project, pelvis_depth
from mmroi.structures import SMPL_54

DEPTH = 2.0


@pytest.fixture(scope='module')
def head():
    torch.manual_seed(0)
    return HybrIKHead(16, deconv_dim=[8, 8, 8], depth_dim=8).eval()


@pytest.fixture
def true(people, body):
    """People whose joints, seen through their crops, are exact."""
    samples = people(4, 1)
    gt = [sample.gt_instances for sample in samples]
    labels = {
        name: torch.cat([getattr(instance, name) for instance in gt])
        for name in ('global_orient', 'body_pose', 'betas', 'keypoints2d', 'keypoints3d')
    }
    box = torch.stack([torch.as_tensor(sample.boxes[0]) for sample in samples])
    focal_length = torch.tensor([sample.focal_length for sample in samples], dtype=torch.float64)
    points = labels['keypoints3d'][:, HYBRIK_JOINTS, :3].double()
    pixels = points[..., :2] / points[..., 2:] * focal_length[:, None, None]
    uv = (pixels - box[:, None, :2]) / box[:, None, 2:]
    d = (points[..., 2] - points[:, :1, 2]) / DEPTH
    labels.update(
        box=box, focal_length=focal_length, points=points, uvd=torch.cat([uv, d[..., None]], dim=-1).float()
    )
    return labels


def test_the_tree_is_smpls_with_five_tips():
    names = [SMPL_54[joint] for joint in HYBRIK_JOINTS]
    bones = {name: names[PARENTS[i]] for i, name in enumerate(names) if i}
    assert bones['left_middle'] == 'left_hand' and bones['right_bigtoe'] == 'right_foot'
    assert bones['headtop'] == 'head' and bones['neck'] == bones['left_collar'] == 'spine_3'
    towards = {name: names[CHILDREN[i]] for i, name in enumerate(names[:24])}
    assert towards['pelvis'] == 'spine_1' and towards['spine_3'] == 'neck'
    assert towards['left_hip'] == 'left_knee'
    assert CHILDREN[24:] == [-1] * 5


def test_rest_skeleton_is_the_body_models(head, body):
    betas = torch.randn(3, 10)
    turns = torch.eye(3).expand(3, 24, 3, 3)
    expected = body.forward_joints(turns[:, :1], turns[:, 1:], betas).joints[:, HYBRIK_JOINTS]
    rest = head.rest + torch.einsum('jkb,nb->njk', head.rest_by_betas, betas)
    torch.testing.assert_close(rest, expected, rtol=0, atol=1e-5)


def test_joints_are_back_where_they_were(true):
    points = back_project(true['uvd'], true['box'], true['focal_length'], true['points'][:, 0, 2], DEPTH)
    torch.testing.assert_close(points, true['points'], rtol=0, atol=1e-5)


def test_distance_follows_from_the_bones(true):
    parents = torch.tensor(PARENTS[1:])
    bones = true['points'][:, 1:] - true['points'][:, parents]
    rest = torch.zeros(4, 29, 3, dtype=torch.float64)  # a chain of the same lengths along one axis
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rest[:, joint] = rest[:, parent] + bones[:, joint - 1].norm(dim=-1)[:, None] * torch.eye(3)[0]
    depth = pelvis_depth(true['uvd'], rest, true['box'], true['focal_length'], DEPTH)
    torch.testing.assert_close(depth, true['points'][:, 0, 2], rtol=1e-4, atol=0)


def test_distance_stays_within_bounds_where_all_joints_lie_in_one_point(head):
    box = torch.tensor([[0.0, 0.0, 200.0]]).double()
    depth = pelvis_depth(torch.zeros(1, 29, 3), head.rest[None], box, torch.tensor([1000.0]).double(), DEPTH)
    assert depth.item() == pytest.approx(2 * 1000 / (200 * 0.2))


def test_true_joints_give_the_true_body(head, body, true):
    """Swing from the joints, twist from the labels: the body poses itself as labeled."""
    turns = head.inverse_kinematics(
        (true['points'] - true['points'][:, :1]).float(),
        torch.tensor([1.0, 0.0]).expand(4, 23, 2),
        head.rest + torch.einsum('jkb,nb->njk', head.rest_by_betas, true['betas']),
    )
    identity = torch.eye(3).expand(4, 24, 3, 3)
    torch.testing.assert_close(turns @ turns.mT, identity, rtol=0, atol=1e-5)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(4, 24), atol=1e-5)
    joints = body.forward_joints(turns[:, :1], turns[:, 1:], true['betas']).joints[:, HYBRIK_JOINTS]
    error = (joints - joints[:, :1] - (true['points'] - true['points'][:, :1])).norm(dim=-1)
    limbs = [i for i, joint in enumerate(HYBRIK_JOINTS) if joint < 24]
    assert error[:, limbs].mean() < 0.02


def test_expected_places_are_those_of_single_peaks(head):
    cells = dict(d=5, y=1, x=3)
    head.final_layer.weight.data.zero_()
    head.final_layer.bias.data.zero_()
    with torch.no_grad():
        feature = torch.zeros(1, 16, 1, 1)
        flat = head.locate(feature)
        torch.testing.assert_close(flat, torch.full_like(flat, 3.5 / 8 - 0.5))  # mean of the cells 0 to 7
        head.final_layer.bias.data.view(29, 8)[:, cells['d']] = 50
        peak = head.locate(feature)
    torch.testing.assert_close(peak[..., 2], torch.full((1, 29), 5 / 8 - 0.5))
    torch.testing.assert_close(peak[..., :2], flat[..., :2])


def test_camera_brings_the_pelvis_to_its_pixel(head):
    feature = torch.randn(2, 16, 2, 2)
    boxes = torch.tensor([[[40.0, -30.0, 200.0]], [[-500.0, 100.0, 400.0]]]).double()
    focal_length = torch.tensor([800.0, 1200.0]).double()
    with torch.no_grad():
        out = head(None, torch.zeros(2, 16), boxes, focal_length, [feature])
    assert out['rotations'].shape == (2, 24, 3, 3) and out['uvd'].shape == (2, 29, 3)
    translation = local_to_full(out['cameras'][:, 0], boxes[:, 0], focal_length)
    rest = head.rest + torch.einsum('jkb,nb->njk', head.rest_by_betas, out['betas'])
    pelvis = translation + rest[:, 0]
    pixel = pelvis[:, :2] / pelvis[:, 2:] * focal_length[:, None]
    expected = boxes[:, 0, :2] + out['uvd'][:, 0, :2] * boxes[:, 0, 2:]
    torch.testing.assert_close(pixel, expected.double(), rtol=1e-3, atol=1e-2)
    assert math.isfinite(out['cameras'].sum())


def test_refuses_crops_that_are_not_square(head):
    boxes = torch.ones(1, 1, 3).double()
    with pytest.raises(ValueError, match=r'square crops: set crop_size=\(256, 256\)'):
        head(None, torch.zeros(1, 16), boxes, torch.ones(1).double(), [torch.zeros(1, 16, 4, 3)])
