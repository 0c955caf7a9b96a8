"""The point at which predicted and labeled joints are aligned."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmroi.structures import SMPL_54

# In order of preference. LSP's hips are what SPIN aligns at, and the only ones that Human3.6M, MPI-INF-3DHP,
# COCO and MPII label; SMPL's own hips lie elsewhere in the body.
ROOTS = (
    ('right_hip_extra', 'left_hip_extra'),
    ('left_hip', 'right_hip'),
    ('pelvis_extra',),
    ('pelvis',),
)


def root_weights(confidence: Tensor, roots: Sequence[Sequence[str]] = ROOTS) -> Tensor:
    """Weights whose sum over the joints is the root: the mean of the preferred points that are labeled.

    Args:
        confidence: (N, 54) of the labeled joints, convention ``smpl_54``.
        roots: Names of the joints whose mean is the root, in order of preference.

    Returns:
        Tensor: (N, 54), rows summing to 1; zero for a sample that labels none of them.
    """
    choices = confidence.new_zeros(len(roots), len(SMPL_54))
    for choice, names in zip(choices, roots, strict=True):
        choice[[SMPL_54.index(name) for name in names]] = 1 / len(names)
    labeled = ((confidence > 0).to(choices.dtype) @ choices.mT) > 1 - 1e-3
    return choices[labeled.int().argmax(1)] * labeled.any(1, keepdim=True)


def root_of(points: Tensor, weights: Tensor) -> Tensor:
    """Root of points that may be NaN where they do not count.

    Args:
        points: (N, 54, D).
        weights: (N, 54) of :func:`root_weights`.

    Returns:
        Tensor: (N, 1, D).
    """
    weights = weights[..., None].to(points.dtype)
    return torch.where(weights > 0, points * weights, 0.0).sum(1, keepdim=True)
