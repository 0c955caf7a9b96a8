"""Levenberg-Marquardt for many small problems at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor


class State(Protocol):
    """Unknowns of N problems."""

    def __getitem__(self, rows: Tensor) -> 'State':
        """Unknowns of some of the problems."""


@dataclass(frozen=True)
class Quadratic:
    """Cost of N problems and its second-order model in a step of D numbers.

    Attributes:
        cost: (N,).
        gradient: (N, D).
        hessian: (N, D, D), the Gauss-Newton approximation.
    """

    cost: Tensor
    gradient: Tensor
    hessian: Tensor
