import math

import pytest
import torch
from mmengine.logging import MessageHub

from mmroi.evaluation import interval_coverage
from mmroi.models import JointUncertaintyHead, JointUncertaintyLoss
from mmroi.models.losses.joint_uncertainty_loss import negative_log_likelihood

ERROR = torch.tensor([0.03, 0.0, 0.04])  # 5 cm


def arguments(std=0.05, error=ERROR, num=2):
    """People whose joints are all off by the same vector; roots differ, which must not matter."""
    gt_joints, gt_root = torch.randn(num, 54, 3), torch.randn(num, 3)
    root = torch.randn(num, 3)
    joints = gt_joints - gt_root[:, None] + root[:, None] + error
    return dict(
        joints_std=torch.full((num, 24), std).requires_grad_(),
        joints=joints.requires_grad_(),
        root=root,
        gt_joints=gt_joints,
        gt_root=gt_root,
        has_smpl=torch.ones(num),
    )


@pytest.mark.parametrize(
    'likelihood, by_hand',
    [
        # 3 log 0.05 + 0.5 + 1.5 log 2 pi, and 3 log 0.05 + 2 + log pi
        ('gaussian', -8.987197 + 0.5 + 2.756816),
        ('laplace', -8.987197 + 2.0 + 1.144730),
    ],
)
def test_by_hand(likelihood, by_hand):
    loss = JointUncertaintyLoss(likelihood, loss_weight=2.0)
    assert loss(**arguments()).item() == pytest.approx(2 * by_hand, abs=1e-4)


@pytest.mark.parametrize('likelihood', ['gaussian', 'laplace'])
def test_densities_integrate_to_one_and_have_their_deviation(likelihood):
    """In spherical shells: the integrals of p 4 pi r^2 and of p 4 pi r^4 are 1 and 3 sigma^2."""
    radii = torch.linspace(1e-5, 3.0, 300_001, dtype=torch.float64)
    vectors = torch.stack([radii, 0 * radii, 0 * radii], dim=-1)
    density = (-negative_log_likelihood(vectors, torch.full_like(radii, 0.1), likelihood)).exp()
    shells = density * 4 * math.pi * radii.square()
    assert torch.trapezoid(shells, radii).item() == pytest.approx(1, abs=1e-6)
    variance = torch.trapezoid(shells * radii.square(), radii).item() / 3
    assert variance == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize('likelihood, best', [('gaussian', 1 / math.sqrt(3)), ('laplace', 2 / 3)])
def test_the_gradient_vanishes_at_the_best_deviation(likelihood, best):
    """Where all errors have length r, the best is r / sqrt(3), or 2 r / 3."""
    given = arguments(std=0.05 * best)
    JointUncertaintyLoss(likelihood)(**given).backward()
    assert given['joints_std'].grad.abs().max() < 1e-3
    wide = arguments(std=0.07)
    JointUncertaintyLoss(likelihood)(**wide).backward()
    assert (wide['joints_std'].grad > 0).all()


@pytest.mark.parametrize('likelihood', ['gaussian', 'laplace'])
def test_gradients_by_finite_differences(likelihood):
    residual = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    std = torch.rand(4, dtype=torch.float64).add(0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda r, s: negative_log_likelihood(r, s, likelihood), (residual, std))


@pytest.mark.parametrize('detach', [True, False])
def test_the_mesh_learns_from_it_only_where_asked(detach):
    given = arguments()
    JointUncertaintyLoss(detach=detach)(**given).backward()
    assert (given['joints'].grad is None) == detach


def test_unlabeled_samples_do_not_count_even_if_nan():
    given = arguments(num=3)
    alone = JointUncertaintyLoss()(**given)
    with torch.no_grad():
        given['gt_joints'][2], given['gt_root'][2] = torch.nan, torch.nan
    given['has_smpl'] = torch.tensor([1.0, 1.0, 0.0])
    loss = JointUncertaintyLoss()(**given)
    assert loss.item() == pytest.approx(alone.item(), abs=1e-5)
    loss.backward()
    assert given['joints_std'].grad.isfinite().all() and (given['joints_std'].grad[2] == 0).all()


def test_of_a_mesh_for_each_roi_the_base_one_counts():
    given = arguments(num=2)
    every = {
        name: value if name == 'joints_std' else value.repeat_interleave(3, 0)
        for name, value in given.items()
    }
    every['joints'] = every['joints'] + torch.tensor([0.0, 9.0, 9.0] * 2)[:, None, None]
    assert JointUncertaintyLoss()(**every).item() == pytest.approx(JointUncertaintyLoss()(**given).item())


@pytest.mark.parametrize('options, begins', [(dict(warmup_epochs=2), (2, 0)), (dict(warmup_iters=7), (0, 7))])
def test_zero_during_the_warm_up_with_zero_gradients(options, begins):
    hub = MessageHub.get_instance(f'warm-up of {options}')
    for epoch, iteration in [(0, 0), begins]:
        hub.update_info('epoch', epoch)
        hub.update_info('iter', iteration)
        given = arguments()
        value = JointUncertaintyLoss(**options)(**given)
        value.backward()
        assert (value.item() != 0) == ((epoch, iteration) == begins)
        assert given['joints_std'].grad.any() == ((epoch, iteration) == begins)


def test_everyone_with_smpl_parameters_counts():
    none = torch.zeros(2, 54)
    assert JointUncertaintyLoss().reaches(none, none, torch.tensor([1, 0])).tolist() == [True, False]


def test_unknown_likelihoods_are_refused():
    with pytest.raises(ValueError, match="must be one of .*got 'cauchy'"):
        JointUncertaintyLoss('cauchy')


@pytest.mark.parametrize('likelihood', ['gaussian', 'laplace'])
def test_a_head_finds_the_true_deviations(likelihood):
    """Errors are drawn with a deviation that the feature tells: the head learns it for each joint."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    head = JointUncertaintyHead(1, inputs=['feature'], hidden_channels=32)
    loss = JointUncertaintyLoss(likelihood)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    weights = torch.linspace(0.5, 2, 24)
    box, focal = torch.tensor([[[0.0, 0.0, 200.0]]]).double(), torch.tensor([600.0]).double()

    def draw(num):
        feature = torch.rand(num, 1, generator=generator)
        true = 0.03 * weights * 3**feature
        direction = torch.randn(num, 24, 3, generator=generator)
        if likelihood == 'gaussian':
            return feature, true, true[..., None] * direction
        length = -true / 2 * torch.rand(num, 24, 3, generator=generator).log().sum(-1)
        return feature, true, length[..., None] * direction / direction.norm(dim=-1, keepdim=True)

    def estimate(feature):
        num = len(feature)
        output = dict(
            pose6d=torch.zeros(num, 24, 6), betas=torch.zeros(num, 10), cameras=torch.zeros(num, 1, 3)
        )
        return head(feature, output, box.expand(num, -1, -1), focal.expand(num))

    for _ in range(400):
        feature, _, error = draw(256)
        zeros = torch.zeros(256, 24, 3)
        root = torch.zeros(256, 3)
        optimizer.zero_grad()
        loss(estimate(feature), error, root, zeros, root, torch.ones(256)).backward()
        optimizer.step()
        schedule.step()
    feature, true, error = draw(4000)
    with torch.no_grad():
        found = estimate(feature)
    assert (found / true).log().abs().mean() < 0.06
    coverage = interval_coverage(error.norm(dim=-1), found, 0.9, likelihood)
    assert (coverage - 90).abs().max() < 4
