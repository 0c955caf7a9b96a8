"""Skinning by hand, beside smplx, and where a mesh has to go: compilers, exporters, other precisions."""

import copy

import numpy as np
import pytest
import roma
import torch
from smplx.lbs import lbs
from torch import Tensor

from mmroi.body_models.skinning import LinearBlendSkinning, Skeleton

Arrays = dict[str, np.ndarray]
QUARTER = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # about z


@pytest.fixture
def arm() -> Arrays:
    """Three joints in a row along x, 1 m apart, each at a vertex; beta 0 is a scale."""
    template = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [1.5, 0, 0], [3, 0, 0]])
    weights = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0, 1]])
    return dict(
        v_template=template,
        shapedirs=np.stack([template, template * 0], axis=2),
        posedirs=np.zeros((5, 3, 18)),
        J_regressor=np.eye(5)[:3],
        weights=weights,
        kintree_table=np.array([[2**32 - 1, 0, 1], [0, 1, 2]]),
    )


def pose(
    arrays: Arrays, turns: dict[int, Tensor], betas: tuple[float, ...] = (0.0,)
) -> tuple[Tensor, Tensor]:
    rotations = torch.eye(3).repeat(1, 3, 1, 1)
    for joint, turn in turns.items():
        rotations[0, joint] = turn
    skinning = LinearBlendSkinning(Skeleton(arrays, len(betas)), arrays, len(betas))
    vertices, joints = skinning(rotations, torch.tensor([betas]))
    return vertices[0], joints[0]


def test_rest_pose_is_the_template(arm: Arrays) -> None:
    arm['posedirs'] = np.random.default_rng(0).normal(size=(5, 3, 18))  # has no effect at rest
    vertices, joints = pose(arm, {})
    np.testing.assert_allclose(vertices, arm['v_template'], atol=1e-6)
    np.testing.assert_allclose(joints, arm['v_template'][:3], atol=1e-6)


def test_bent_arm_by_hand(arm: Arrays) -> None:
    vertices, joints = pose(arm, {1: QUARTER})
    np.testing.assert_allclose(joints, [[0, 0, 0], [1, 0, 0], [1, 1, 0]], atol=1e-6)
    # Half of (1.5, 0, 0) stays, half of it turns to (1, 0.5, 0).
    np.testing.assert_allclose(vertices[3], [1.25, 0.25, 0], atol=1e-6)
    np.testing.assert_allclose(vertices[4], [1, 2, 0], atol=1e-6)


def test_rotations_follow_the_parents(arm: Arrays) -> None:
    vertices, joints = pose(arm, {0: QUARTER, 1: QUARTER})
    np.testing.assert_allclose(joints, [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(vertices[4], [-2, 1, 0], atol=1e-6)


def test_shape_moves_vertices_and_joints(arm: Arrays) -> None:
    vertices, joints = pose(arm, {1: QUARTER}, (0.5, 7.0))
    np.testing.assert_allclose(joints, [[0, 0, 0], [1.5, 0, 0], [1.5, 1.5, 0]], atol=1e-6)
    np.testing.assert_allclose(vertices[4], [1.5, 3, 0], atol=1e-6)


def test_pose_blend_shape_acts_before_the_rotation(arm: Arrays) -> None:
    arm['posedirs'][4, 0, 1] = 0.25  # x of the last vertex, by the entry (0, 1) of joint 1: sin = -1
    vertices, _ = pose(arm, {1: QUARTER})
    np.testing.assert_allclose(vertices[4], [1, 1.75, 0], atol=1e-6)


def test_joints_in_another_order_are_refused(arm: Arrays) -> None:
    arm['kintree_table'] = np.array([[-1, 0, 1, 0], [0, 1, 2, 3]])
    with pytest.raises(ValueError, match=r'sorted by their depth.*\[0, 1, 2, 1\]'):
        Skeleton(arm, 1)


def smplx_lbs(arrays: Arrays, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
    names = ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights')
    template, shapedirs, posedirs, regressor, weights = (
        torch.from_numpy(arrays[name]).to(betas.dtype) for name in names
    )
    posedirs = posedirs.reshape(-1, 207).T
    parents = torch.tensor([-1, *arrays['kintree_table'][0, 1:].tolist()])
    return lbs(betas, rotations, template, shapedirs, posedirs, regressor, parents, weights, pose2rot=False)


def random_bodies(count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    rotations = roma.random_rotmat((count, 24), dtype=dtype, generator=generator)
    return rotations, 2 * torch.randn(count, 10, dtype=dtype, generator=generator)


@pytest.mark.parametrize('dtype, atol', [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_equals_smplx(arrays: Arrays, dtype: torch.dtype, atol: float) -> None:
    """Vertices, joints and gradients, also where the pose is wilder than any person's."""
    skinning = LinearBlendSkinning(Skeleton(arrays, dtype=dtype), arrays, dtype=dtype)
    directions = torch.randn(8, 6914, 3, dtype=dtype) / 6914
    results = []
    for function in (skinning, lambda *inputs: smplx_lbs(arrays, *inputs)):
        inputs = [x.requires_grad_() for x in random_bodies(8, dtype)]
        points = torch.cat(function(*inputs), dim=1)
        results.append((points, *torch.autograd.grad((points * directions).sum(), inputs)))
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours, theirs, atol=atol, rtol=0)


def test_some_vertices_are_those_of_the_whole(arrays: Arrays) -> None:
    skeleton, chosen = Skeleton(arrays), np.array([5, 3000, 17])
    whole, some = LinearBlendSkinning(skeleton, arrays), LinearBlendSkinning(skeleton, arrays, 10, chosen)
    vertices, joints = whole(*random_bodies(4, torch.float32))
    few, same = some(*random_bodies(4, torch.float32))
    torch.testing.assert_close(few, vertices[:, chosen], atol=1e-6, rtol=0)
    assert torch.equal(same, joints)


@pytest.fixture(scope='module')
def skinning(arrays: Arrays) -> LinearBlendSkinning:
    return LinearBlendSkinning(Skeleton(arrays), arrays, vertex_ids=np.arange(0, 6890, 100))


def test_gradients_against_differences(arrays: Arrays) -> None:
    skinning = LinearBlendSkinning(
        Skeleton(arrays, 3, torch.float64), arrays, 3, np.array([100, 4000]), torch.float64
    )
    inputs = random_bodies(2, torch.float64)[0].requires_grad_(), torch.randn(2, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(skinning, inputs)


def test_no_value_is_read_by_the_host(skinning: LinearBlendSkinning) -> None:
    """Tensors on this device have no values: what waits for one, and so breaks a CUDA graph, fails."""
    body = copy.deepcopy(skinning).to('meta')
    inputs = [x.to('meta').requires_grad_() for x in random_bodies(4, torch.float32)]
    vertices, joints = body(*inputs)
    assert vertices.shape == (4, 69, 3) and joints.shape == (4, 24, 3)
    (vertices.sum() + joints.sum()).backward()


def test_compiles_whole(skinning: LinearBlendSkinning) -> None:
    compiled = torch.compile(skinning, backend='aot_eager', fullgraph=True)
    results = []
    for function in (skinning, compiled):
        inputs = [x.requires_grad_() for x in random_bodies(2, torch.float32)]
        vertices, joints = function(*inputs)
        results.append([vertices, joints, *torch.autograd.grad(vertices.sum() + joints.sum(), inputs)])
    for eager, other in zip(*results, strict=True):
        torch.testing.assert_close(other, eager, atol=1e-5, rtol=1e-5)
