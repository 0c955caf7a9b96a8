"""The root joint at which predicted and labeled joints are aligned."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmroi.structures import SMPL_54

# In order of preference. SPIN aligns at LSP's hips, and Human3.6M, MPI-INF-3DHP, COCO and MPII label no
# others; SMPL's own hips are other points of the body.
ROOTS = (
    ('right_hip_extra', 'left_hip_extra'),
    ('left_hip', 'right_hip'),
    ('pelvis_extra',),
    ('pelvis',),
)


def root_weights(confidence: Tensor, roots: Sequence[Sequence[str]] = ROOTS) -> Tensor:
    """Weights of the joints whose weighted sum is the root: the mean of the preferred labeled points.

    Args:
        confidence: (N, 54) of the labeled joints, convention ``smpl_54``.
        roots: Names of joints whose mean is the root, in order of preference.

    Returns:
        Tensor: (N, 54), rows summing to 1; zero for a sample where none is labeled.
    """
    choices = confidence.new_zeros(len(roots), len(SMPL_54))
    for choice, names in zip(choices, roots, strict=True):
        choice[[SMPL_54.index(name) for name in names]] = 1 / len(names)
    labeled = ((confidence > 0).to(choices.dtype) @ choices.mT) > 1 - 1e-3
    return choices[labeled.int().argmax(1)] * labeled.any(1, keepdim=True)


def root_of(points: Tensor, weights: Tensor) -> Tensor:
    """Compute the root of points, which may be NaN where the weight is zero.

    Args:
        points: (N, 54, D).
        weights: (N, 54) of :func:`root_weights`.

    Returns:
        Tensor: (N, 1, D).
    """
    weights = weights[..., None].to(points.dtype)
    return torch.where(weights > 0, points * weights, 0.0).sum(1, keepdim=True)
