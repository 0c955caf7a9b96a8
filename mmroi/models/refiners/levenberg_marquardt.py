"""Levenberg-Marquardt for many small problems at once."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mmroi.models.refiners.body_state import BodyState
from mmroi.models.refiners.quadratic import Quadratic

_LESS, _MORE = 0.2, 5.0  # change of the damping after a step that lowers the cost, or does not
_MIN_DAMPING, _MAX_DAMPING = 1e-8, 1e8

Evaluate = Callable[[BodyState, Tensor], Quadratic]
"""Costs of some states, of the problems (n,) that they belong to."""


class Minimum(NamedTuple):
    """Where the optimizer stopped.

    Attributes:
        state: Of N problems; the cost of none is above that of its start.
        cost: (N,).
        converged: (N,) bool; False where the iterations were used up or the cost is not finite.
        iterations: (N,) int64.
    """

    state: BodyState
    cost: Tensor
    converged: Tensor
    iterations: Tensor


def minimize(
    evaluate: Evaluate,
    start: BodyState,
    max_iterations: int = 40,
    tolerance: float = 1e-4,
    damping: float = 1e-2,
) -> Minimum:
    """Minimize the costs of N problems, each with its own damping; those that have converged drop out.

    Damping is relative to the diagonal of the Hessian, so it does not depend on units.

    Args:
        evaluate: Returns cost, gradient and Hessian.
        start: Where to start.
        max_iterations: Of each problem.
        tolerance: A problem has converged when a step lowers its cost by less than this fraction.
        damping: At the start.

    Returns:
        Minimum: Of the N problems.
    """
    state = start
    rows = torch.arange(len(start), device=start.betas.device)
    quadratic = evaluate(state, rows)
    dampings = quadratic.cost.new_full((len(start),), damping)
    converged = torch.zeros_like(rows, dtype=torch.bool)
    iterations = torch.zeros_like(rows)
    active = rows[quadratic.cost.isfinite()]
    for _ in range(max_iterations):
        if not len(active):
            break
        current = quadratic[active]
        candidate = state[active].step(_solve(current, dampings[active]))
        found = evaluate(candidate, active)
        better = found.cost < current.cost  # False for NaN
        accepted = active[better]
        state = state.put(accepted, candidate[better])
        quadratic = quadratic.put(accepted, found[better])
        dampings[active] *= torch.where(better, _LESS, _MORE)
        dampings.clamp_(min=_MIN_DAMPING)
        iterations[active] += 1
        decrease = (current.cost - found.cost) / current.cost.clamp(min=1e-12)
        # No step at all lowers the cost: a minimum up to the precision of the numbers.
        done = (better & (decrease < tolerance)) | (dampings[active] > _MAX_DAMPING)
        converged[active[done]] = True
        active = active[~done]
    return Minimum(state, quadratic.cost, converged, iterations)


def _solve(quadratic: Quadratic, dampings: Tensor) -> Tensor:
    """Compute the damped Gauss-Newton steps."""
    diagonal = quadratic.hessian.diagonal(dim1=1, dim2=2)
    damped = quadratic.hessian + torch.diag_embed(dampings[:, None] * diagonal)
    factor, failed = torch.linalg.cholesky_ex(damped)
    step = -torch.cholesky_solve(quadratic.gradient[..., None], factor)[..., 0]
    return torch.where(failed[:, None] == 0, step, 0)  # no step: the damping rises
