"""Gradients and Hessians of all costs, by finite differences."""

import pytest
import torch
from torch import Tensor

from mmroi.models.refiners import KeypointRefiner
from mmroi.models.refiners.body_state import BETAS, BODY_POSE, CAMERA, BodyState
from mmroi.models.refiners.quadratic import Quadratic
from mmroi.models.refiners.refinement_costs import Evidence, RefinementCosts

STEP = 1e-5
OFF = dict(regression_weight=0.0, prior_weight=0.0, limit_weight=0.0, roi_weight=0.0)
SHAPE_OFF = dict(shape_weight=0.0, shape_prior_weight=0.0)
TERMS = {
    'keypoints': {**OFF, **SHAPE_OFF},
    'network': {**OFF, **SHAPE_OFF, 'regression_weight': 1.0},
    'prior': {**OFF, **SHAPE_OFF, 'prior_weight': 1.0, 'limit_weight': 1.0},
    'cameras': {**OFF, **SHAPE_OFF, 'roi_weight': 1.0},
    'all': {},
}


def problem(crowd, **options: float) -> tuple[RefinementCosts, BodyState, Evidence]:  # noqa: ANN001
    costs = KeypointRefiner(crowd.body, **options).costs
    predicted = crowd.predictions
    keypoints = crowd.keypoints.clone()
    keypoints[..., :2] += torch.linspace(-9, 9, 54)[:, None]
    evidence = Evidence(
        keypoints,
        crowd.boxes[:, 0, 2],
        predicted.rotations.double(),
        predicted.betas.double() + 0.3,
        predicted.local_cameras.double(),
        crowd.boxes,
        crowd.focal_length,
    )
    return costs, BodyState.start(crowd.rotations, crowd.betas, crowd.translation), evidence


def cost(costs: RefinementCosts, state: BodyState, evidence: Evidence, step: Tensor) -> Quadratic:
    return costs(state.step(step.expand(len(state), -1)), evidence)


@pytest.mark.parametrize('term', TERMS)
def test_gradients_are_those_of_finite_differences(crowd, term: str) -> None:  # noqa: ANN001
    costs, state, evidence = problem(crowd, **TERMS[term])
    gradient = costs(state, evidence).gradient
    directions = torch.randn(12, 85, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    directions[0, BODY_POSE.stop :], directions[1, : BETAS.start], directions[2, : CAMERA.start] = 0, 0, 0
    for direction in directions:
        ends = [cost(costs, state, evidence, s * STEP * direction).cost for s in (1, -1)]
        numeric = (ends[0] - ends[1]) / (2 * STEP)
        scale = gradient.norm(dim=1) * direction.norm()
        assert ((gradient @ direction - numeric).abs() <= 1e-6 * scale + 1e-6).all()


def test_hessians_are_those_of_least_squares(crowd) -> None:  # noqa: ANN001
    """With residuals of zero, Gauss-Newton's Hessian is the true one."""
    costs, state, evidence = problem(crowd, **TERMS['keypoints'])
    evidence = Evidence(**{**vars(evidence), 'keypoints': crowd.keypoints})
    quadratic = costs(state, evidence)
    assert quadratic.cost.max() < 1e-9
    torch.testing.assert_close(quadratic.hessian, quadratic.hessian.mT)
    directions = torch.randn(5, 85, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for direction in directions:
        step = 1e-5 * direction
        expected = (direction @ quadratic.hessian * direction).sum(-1) / 2
        found = cost(costs, state, evidence, step).cost / 1e-10
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=0)


def test_keypoints_without_confidence_cost_nothing(crowd) -> None:  # noqa: ANN001
    costs, state, evidence = problem(crowd, **TERMS['keypoints'])
    keypoints = evidence.keypoints.clone()
    keypoints[..., 2] = 0
    quadratic = costs(state, Evidence(**{**vars(evidence), 'keypoints': keypoints}))
    assert not quadratic.cost.any() and not quadratic.gradient.any() and not quadratic.hessian.any()


def test_body_behind_the_camera_costs_more_than_any_outlier(crowd) -> None:  # noqa: ANN001
    costs, state, evidence = problem(crowd, **TERMS['keypoints'])
    inside = BodyState.start(state.rotations, state.betas, state.translation * 0.001)
    quadratic = costs(inside, evidence)
    assert quadratic.cost.isfinite().all() and quadratic.gradient.isfinite().all()
    assert (quadratic.cost > costs(state, evidence).cost).all()
