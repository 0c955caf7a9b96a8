"""Sums of robust squared residuals as costs with gradient and Gauss-Newton Hessian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Loss(NamedTuple):
    """A loss of squared residuals.

    Attributes:
        value: Loss.
        weight: Its derivative, by which iteratively reweighted least squares multiplies a residual's square.
    """

    value: Tensor
    weight: Tensor


def geman_mcclure(squares: Tensor, scale: float) -> Loss:
    """Geman-McClure loss, which outliers cannot raise above ``scale**2``."""
    weight = 1 / (1 + squares / scale**2)
    return Loss(squares * weight, weight.square())


def cauchy(squares: Tensor, scale: float) -> Loss:
    """Cauchy (Lorentzian) loss, which outliers raise by their logarithm."""
    return Loss(scale**2 * torch.log1p(squares / scale**2), 1 / (1 + squares / scale**2))


@dataclass(frozen=True)
class Quadratic:
    """Cost of N problems and its second-order model in a step of D numbers.

    Attributes:
        cost: (N,).
        gradient: (N, D).
        hessian: (N, D, D), symmetric, not negative.
    """

    cost: Tensor
    gradient: Tensor
    hessian: Tensor

    @classmethod
    def zeros(cls, num_problems: int, size: int, like: Tensor) -> Quadratic:
        """Build a cost of zero for steps of some size."""
        return cls(
            like.new_zeros(num_problems),
            like.new_zeros(num_problems, size),
            like.new_zeros(num_problems, size, size),
        )

    def add(self, at: slice, cost: Tensor, gradient: Tensor, hessian: Tensor) -> None:
        """Add a cost that depends on a part of the step.

        Args:
            at: The part, d numbers.
            cost: (N,).
            gradient: (N, d).
            hessian: (N, d, d), or (d, d) for all.
        """
        self.cost.add_(cost)
        self.gradient[:, at] += gradient
        self.hessian[:, at, at] += hessian

    def add_residuals(
        self, at: slice, residuals: Tensor, jacobian: Tensor, loss: Tensor, weights: Tensor
    ) -> None:
        """Add residuals of a robust loss.

        Args:
            at: The part of the step that they depend on, d numbers.
            residuals: (N, R).
            jacobian: (N, R, d).
            loss: (N,) sum of the losses.
            weights: (N, R) derivative of the loss of each residual by its square.
        """
        weighted = jacobian * weights[..., None]
        gradient = (weighted.mT @ residuals[..., None])[..., 0]
        self.add(at, loss / 2, gradient, weighted.mT @ jacobian)

    def __getitem__(self, rows: Tensor) -> Quadratic:
        """Costs of some of the problems."""
        return Quadratic(self.cost[rows], self.gradient[rows], self.hessian[rows])

    def put(self, rows: Tensor, other: Quadratic) -> Quadratic:
        """Replace the costs of some of the problems."""
        return Quadratic(
            self.cost.index_copy(0, rows, other.cost),
            self.gradient.index_copy(0, rows, other.gradient),
            self.hessian.index_copy(0, rows, other.hessian),
        )
