import pytest
import torch

from mmroi.models import JointUncertaintyHead

BOXES = torch.tensor([[[10.0, 20.0, 200.0], [12.0, 22.0, 240.0]]], dtype=torch.float64)
FOCAL = torch.tensor([600.0], dtype=torch.float64)


def regressed(num=1, rois=2):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return dict(pose6d=normal(num, 24, 6), betas=normal(num, 10), cameras=normal(num, rois, 3))


def test_a_new_head_says_its_initial_deviation_of_everyone():
    head = JointUncertaintyHead(8, initial_std=0.05)
    std = head(torch.randn(1, 8), regressed(), BOXES, FOCAL)
    torch.testing.assert_close(std, torch.full((1, 24), 0.05))


def test_deviations_stay_between_a_millimeter_and_a_meter():
    head = JointUncertaintyHead(8, inputs=['feature'])
    torch.nn.init.normal_(head.decoder.weight, std=1e3)
    std = head(1e3 * torch.randn(1, 8), regressed(), BOXES, FOCAL)
    assert std.min() >= 1e-3 * 0.999 and std.max() <= 1.001
    assert std.min() < 2e-3 and std.max() > 0.5


@pytest.mark.parametrize('detach', [True, False])
def test_gradients_to_the_regression_only_where_asked(detach):
    head = JointUncertaintyHead(8, detach=detach)
    torch.nn.init.normal_(head.decoder.weight)
    feature = torch.randn(1, 8, requires_grad=True)
    output = {name: value.requires_grad_() for name, value in regressed().items()}
    head(feature, output, BOXES, FOCAL).log().sum().backward()
    assert head.fc.weight.grad.abs().sum() > 0
    for tensor in (feature, *output.values()):
        assert (tensor.grad is None) == detach


def test_only_the_chosen_inputs_count():
    head = JointUncertaintyHead(8, inputs=['betas'])
    torch.nn.init.normal_(head.decoder.weight)
    output, feature = regressed(), torch.randn(1, 8)
    std = head(feature, output, BOXES, FOCAL)
    others = dict(regressed(), pose6d=torch.randn(1, 24, 6), cameras=torch.randn(1, 2, 3))
    assert torch.equal(head(torch.randn(1, 8), others, 2 * BOXES, FOCAL), std)
    assert not torch.equal(head(feature, dict(output, betas=torch.randn(1, 10)), BOXES, FOCAL), std)


def test_of_a_mesh_for_each_roi_the_base_one_counts():
    head = JointUncertaintyHead(8)
    torch.nn.init.normal_(head.decoder.weight)
    output, feature = regressed(), torch.randn(1, 8)
    every = dict(
        output,
        pose6d=torch.stack([output['pose6d'], torch.randn(1, 24, 6)], dim=1),
        betas=torch.stack([output['betas'], torch.randn(1, 10)], dim=1),
    )
    assert torch.equal(head(feature, every, BOXES, FOCAL), head(feature, output, BOXES, FOCAL))


def test_calibration_multiplies_and_is_part_of_the_checkpoint():
    head, other = JointUncertaintyHead(8), JointUncertaintyHead(8)
    before = head(torch.zeros(1, 8), regressed(), BOXES, FOCAL)
    factors = torch.linspace(0.5, 2, 24)
    other.load_state_dict(dict(head.state_dict(), scale=factors))
    expected = factors * before
    torch.testing.assert_close(other(torch.zeros(1, 8), regressed(), BOXES, FOCAL), expected)


@pytest.mark.parametrize('inputs', [[], ['feature', 'heatmap']])
def test_unknown_inputs_are_refused(inputs):
    with pytest.raises(ValueError, match='inputs must be some of'):
        JointUncertaintyHead(8, inputs=inputs)
