"""Calibration of the standard deviations of a checkpoint on people whom it was not trained on."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mmroi.evaluation.evaluation_bodies import EvaluationBodies
from mmroi.evaluation.joint_uncertainty_metric import joint_errors_and_std
from mmroi.evaluation.mesh_results import MeshResults
from mmroi.evaluation.uncertainty import calibration_factors, interval_coverage

SCALE = 'uncertainty_head.scale'
_FEWEST = 50  # people, for a quantile of 90 %


class Calibration(NamedTuple):
    """What a calibration found.

    Attributes:
        factors: By which the standard deviation of each joint is multiplied (24,).
        before: Coverage of the intervals before, mean over the joints, %.
        people: Number of people.
    """

    factors: Tensor
    before: float
    people: int


def measure_calibration(
    results: Iterable[str | Path],
    bodies: EvaluationBodies | None = None,
    level: float = 0.9,
    likelihood: str = 'laplace',
    batch_size: int = 256,
) -> Calibration:
    """Measure by which factors the standard deviations of saved predictions are too small.

    Each file counts the same, however many people it has.

    Args:
        results: Files of ``tools/test.py --out``, of people on whom neither network nor head were trained.
        bodies: Bodies that pose predictions and annotations; by default the open body.
        level: Probability of the intervals that shall hold.
        likelihood: With which the head was trained.
        batch_size: Number of people per batch.

    Returns:
        Calibration: Factors and counts.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file has no standard deviations, or too few people.
    """
    bodies = bodies or EvaluationBodies()
    ratios, coverages, people = [], [], 0
    for path in results:
        saved = MeshResults(path)
        if 'pred_instances.joints_std' not in saved.arrays:
            raise ValueError(f'{path}: the predictions have no joints_std; the model had no uncertainty_head')
        parts = [joint_errors_and_std(batch, bodies) for batch in saved.batches(bodies.neutral, batch_size)]
        errors, std = (torch.cat(values) for values in zip(*parts, strict=True))
        if len(errors) < _FEWEST:
            raise ValueError(f'{path}: {len(errors)} people are too few to calibrate with, take {_FEWEST}')
        ratios.append(calibration_factors(errors, std, level, likelihood))
        coverages.append(float(interval_coverage(errors, std, level, likelihood).mean()))
        people += len(errors)
    if not ratios:
        raise ValueError('no results to calibrate with')
    factors = torch.stack(ratios).log().mean(0).exp()
    return Calibration(factors, sum(coverages) / len(coverages), people)


def apply_calibration(weights: dict[str, Tensor], factors: Tensor) -> dict[str, Tensor]:
    """Multiply the standard deviations that a checkpoint predicts.

    Args:
        weights: Tensors of the checkpoint by name.
        factors: Of each joint (24,).

    Returns:
        The tensors, of which only the scale of the head differs.

    Raises:
        ValueError: The checkpoint has no uncertainty head.
    """
    if SCALE not in weights:
        raise ValueError(f'the checkpoint has no {SCALE}: it was trained without uncertainty_head')
    scale = weights[SCALE]
    return {**weights, SCALE: (scale.double() * factors.to(scale.device)).to(scale.dtype)}
