import pytest
import torch

from mmroi.models.losses import SMPLParameterLoss, VertexLoss


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def smpl_case():
    return random(3, 24, 3, 3), random(3, 10, seed=1), random(3, 24, 3, 3, seed=2), random(3, 10, seed=3)


def vertex_case():
    return random(3, 7, 3), random(3, 3, seed=1), random(3, 7, 3, seed=2), random(3, 3, seed=3)


HAS = torch.tensor([1.0, 0.0, 1.0])


def squared_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True))


def test_smpl_equals_plain_loops():
    rotations, betas, target_rotations, target_betas = smpl_case()
    expected = 0.0
    for i in (0, 2):
        expected += 2.0 * squared_distance(rotations[i], target_rotations[i]) / 216
        expected += 0.5 * squared_distance(betas[i], target_betas[i]) / 10
    loss = SMPLParameterLoss(pose_weight=2.0, betas_weight=0.5, loss_weight=3.0)(*smpl_case(), HAS)
    assert loss.item() == pytest.approx(3.0 * expected / 2, rel=1e-12)


def test_vertices_equal_plain_loops():
    vertices, root, target, target_root = (x.tolist() for x in vertex_case())
    expected = 0.0
    for i in (0, 2):
        for v in range(7):
            for axis in range(3):
                predicted = vertices[i][v][axis] - root[i][axis]
                expected += abs(predicted - target[i][v][axis] + target_root[i][axis]) / 21
    assert VertexLoss(2.0)(*vertex_case(), HAS).item() == pytest.approx(2.0 * expected / 2, rel=1e-12)


def test_vertex_loss_ignores_translation():
    vertices, root, *_ = vertex_case()
    loss = VertexLoss()(vertices + 5, root + 5, vertices, root, torch.ones(3))
    assert loss.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('loss, case', [(SMPLParameterLoss(), smpl_case), (VertexLoss(), vertex_case)])
class TestBoth:
    def test_gradient(self, loss, case):
        a, b, *target = case()
        inputs = (a.requires_grad_(), b.requires_grad_())
        assert torch.autograd.gradcheck(lambda x, y: loss(x, y, *target, HAS), inputs)

    def test_zero_at_the_target(self, loss, case):
        a, b, *_ = case()
        assert loss(a, b, a, b, torch.ones(3)).item() == 0

    def test_absent_labels_may_be_nan(self, loss, case):
        a, b, c, d = case()
        c[1], d[1] = torch.nan, torch.nan
        a.requires_grad_()
        value = loss(a, b, c, d, HAS)
        value.backward()
        assert value.isfinite() and a.grad.isfinite().all() and (a.grad[1] == 0).all()

    def test_no_label_at_all_gives_a_differentiable_zero(self, loss, case):
        a, *rest = case()
        value = loss(a.requires_grad_(), *rest, torch.zeros(3))
        value.backward()
        assert value.item() == 0 and torch.equal(a.grad, torch.zeros_like(a))
