"""The optimizer alone, on costs of the camera whose minimum is known."""

import torch
from torch import Tensor

from mmroi.models.refiners.body_state import CAMERA, BodyState
from mmroi.models.refiners.levenberg_marquardt import minimize
from mmroi.models.refiners.quadratic import Quadratic, cauchy, geman_mcclure

SIZE = 72 + 10 + 3


def start(*cameras: tuple[float, float, float]) -> BodyState:
    count = len(cameras)
    return BodyState(
        torch.eye(3, dtype=torch.float64).expand(count, 24, 3, 3),
        torch.zeros(count, 10, dtype=torch.float64),
        torch.tensor(cameras, dtype=torch.float64),
    )


def rosenbrock(state: BodyState, rows: Tensor) -> Quadratic:
    """100 (y - x^2)^2 + (1 - x)^2 + z^2, whose minimum is at (1, 1, 0)."""
    x, y, z = state.camera.unbind(-1)
    residuals = torch.stack((10 * (y - x**2), 1 - x, z), dim=1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    jacobian = torch.stack((-20 * x, 10 * one, zero, -one, zero, zero, zero, zero, one), 1).unflatten(
        1, (3, 3)
    )
    quadratic = Quadratic.zeros(len(x), SIZE, x)
    squares = residuals.square()
    quadratic.add_residuals(CAMERA, residuals, jacobian, squares.sum(1), torch.ones_like(squares))
    eye = 1e-9 * torch.eye(SIZE, dtype=x.dtype)  # what nothing depends on stays where it is
    quadratic.add(slice(None), zero, torch.zeros(len(x), SIZE, dtype=x.dtype), eye)
    return quadratic


def test_each_problem_finds_its_minimum() -> None:
    found = minimize(rosenbrock, start((-1.2, 1, 3), (5, -4, 0), (1, 1, 0)), 200, tolerance=1e-12)
    expected = torch.tensor([1.0, 1, 0], dtype=torch.float64).expand(3, -1)
    torch.testing.assert_close(found.state.camera, expected, atol=1e-5, rtol=0)
    assert found.converged.all()
    assert (found.cost <= rosenbrock(start((-1.2, 1, 3), (5, -4, 0), (1, 1, 0)), torch.arange(3)).cost).all()


def test_too_few_iterations_say_so_and_never_raise_the_cost() -> None:
    begin = start((-1.2, 1, 3))
    found = minimize(rosenbrock, begin, max_iterations=2)
    assert not found.converged.any() and found.iterations.tolist() == [2]
    assert found.cost[0] < rosenbrock(begin, torch.arange(1)).cost[0]


def test_a_cost_that_is_not_finite_is_left_alone() -> None:
    begin = start((float('nan'), 0, 0), (2, 2, 2))
    found = minimize(rosenbrock, begin, 100)
    assert found.converged.tolist() == [False, True]
    assert found.state.camera[0].isnan().any() and found.state.camera[1].isfinite().all()


def test_robust_losses_are_squares_for_small_residuals_and_weights_their_derivatives() -> None:
    squares = torch.tensor([1e-6, 0.5, 4.0, 1e6], dtype=torch.float64, requires_grad=True)
    for loss in (geman_mcclure, cauchy):
        value, weight = loss(squares, 2.0)
        torch.testing.assert_close(value[0], squares[0], rtol=1e-5, atol=0)
        torch.testing.assert_close(torch.autograd.grad(value.sum(), squares)[0], weight)
    assert geman_mcclure(squares, 2.0).value[-1] < 4.0
