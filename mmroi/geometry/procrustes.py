"""Similarity alignment of point sets (Umeyama, TPAMI 1991), batched."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmroi.geometry.precision import full_precision, without_autocast


class Similarity(NamedTuple):
    """A similarity ``x -> scale R x + translation``.

    Attributes:
        scale: (...).
        rotation: (..., 3, 3), determinant +1.
        translation: (..., 3).
    """

    scale: Tensor
    rotation: Tensor
    translation: Tensor


@without_autocast
def fit_similarity(source: Tensor, target: Tensor) -> Similarity:
    """Fit the similarity that maps ``source`` to ``target`` with the least squared error, never a reflection.

    Args:
        source: (..., K, 3).
        target: (..., K, 3).

    Returns:
        Scale, rotation and translation. If all source points coincide, the scale is 0.

    Raises:
        ValueError: If shapes differ or a coordinate is not finite.
    """
    source, target = full_precision(source, target)
    if source.shape != target.shape:
        raise ValueError(f'source and target differ in shape: {tuple(source.shape)}, {tuple(target.shape)}')
    if not bool(torch.isfinite(source).all() & torch.isfinite(target).all()):
        raise ValueError('source and target must be finite: filter samples with NaN joints before aligning')
    source_mean, target_mean = source.mean(-2, keepdim=True), target.mean(-2, keepdim=True)
    source, target = source - source_mean, target - target_mean
    u, singular, vh = torch.linalg.svd(target.mT @ source)
    # If the best orthogonal matrix is a reflection, flip the direction with the smallest singular value.
    sign = torch.ones_like(singular)
    sign[..., -1] = torch.sign(torch.linalg.det(u) * torch.linalg.det(vh))
    rotation = (u * sign[..., None, :]) @ vh
    spread = source.square().sum((-2, -1)).clamp_min(torch.finfo(source.dtype).tiny)
    scale = (singular * sign).sum(-1) / spread
    translation = target_mean - scale[..., None, None] * (source_mean @ rotation.mT)
    return Similarity(scale, rotation, translation.squeeze(-2))


@without_autocast
def similarity_align(source: Tensor, target: Tensor) -> Tensor:
    """Align source points to target points with the best similarity, as for PA-MPJPE.

    Args:
        source: (..., K, 3).
        target: (..., K, 3).

    Returns:
        (..., K, 3).
    """
    scale, rotation, translation = fit_similarity(source, target)
    (source,) = full_precision(source)
    return scale[..., None, None] * (source @ rotation.mT) + translation[..., None, :]
