"""Intervals from standard deviations of joints, and how well they hold."""

import torch
from scipy import stats
from torch import Tensor

from mmroi.utils.choices import LIKELIHOODS


def interval_radius(level: float, likelihood: str = 'laplace') -> float:
    """Radius of the ball around a predicted joint that contains the true one with a probability.

    Args:
        level: The probability, between 0 and 1.
        likelihood: ``'gaussian'``: the length of an isotropic normal vector has the chi distribution with 3
            degrees of freedom; ``'laplace'``: density ``exp(-2 |e| / sigma)``, whose length has a
            gamma distribution of shape 3 and scale sigma / 2.

    Returns:
        In standard deviations per coordinate: at 0.9 it is 2.50 (Gaussian) or 2.66 (Laplace).

    Raises:
        ValueError: The likelihood is unknown or the level out of range.
    """
    if likelihood not in LIKELIHOODS:
        raise ValueError(f'likelihood must be one of {LIKELIHOODS}, got {likelihood!r}')
    if not 0 < level < 1:
        raise ValueError(f'level must lie between 0 and 1, got {level}')
    return float(stats.chi(3).ppf(level) if likelihood == 'gaussian' else stats.gamma(3).ppf(level) / 2)


def interval_coverage(errors: Tensor, std: Tensor, level: float, likelihood: str = 'laplace') -> Tensor:
    """Compute the percentage of errors inside their intervals.

    Args:
        errors: Distances of K joints from the true ones, (N, K).
        std: Standard deviations per coordinate, (N, K), in the same unit.
        level: Probability of the intervals.
        likelihood: See :func:`interval_radius`.

    Returns:
        Percentage of each joint, (K,).

    Raises:
        ValueError: As :func:`interval_radius`.
    """
    inside = errors <= interval_radius(level, likelihood) * std
    return 100 * inside.double().mean(dim=0)


def rank_correlation(errors: Tensor, std: Tensor) -> Tensor:
    """Compute Spearman's rank correlation of error and standard deviation within each joint.

    Args:
        errors: Distances of K joints, (N, K).
        std: Standard deviations, (N, K).

    Returns:
        Correlation of each joint, (K,); NaN if all its errors or standard deviations are equal, or for
        fewer than two people.
    """
    return (_standardized_ranks(errors) * _standardized_ranks(std)).mean(dim=0)


def calibration_factors(
    errors: Tensor, std: Tensor, level: float = 0.9, likelihood: str = 'laplace'
) -> Tensor:
    """Compute the factors by which intervals of a level would contain that share of the errors.

    Args:
        errors: Distances of K joints, (N, K), of people on whom the network was not trained.
        std: Standard deviations per coordinate, (N, K).
        level: Probability of the intervals.
        likelihood: See :func:`interval_radius`.

    Returns:
        Factor of each joint, (K,).

    Raises:
        ValueError: As :func:`interval_radius`.
    """
    radius = interval_radius(level, likelihood)
    return (errors / std).double().quantile(level, dim=0) / radius


def _standardized_ranks(values: Tensor) -> Tensor:
    """Ranks of each column, from 1, with mean 0 and variance 1; ties share their mean rank."""
    ranks = torch.from_numpy(stats.rankdata(values.cpu().numpy(), axis=0)).double()
    return (ranks - ranks.mean(dim=0)) / ranks.std(dim=0, correction=0)
