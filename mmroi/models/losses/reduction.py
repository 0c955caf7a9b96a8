"""Residuals and means over labeled samples."""

import torch
import torch.distributed as dist
from torch import Tensor


def labeled_residual(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Compute ``prediction - target``, exactly zero where ``weight`` is zero.

    The target may be NaN there, which a multiplication by the weight would keep.

    Args:
        prediction: (N, ...).
        target: Shape of ``prediction``.
        weight: Broadcastable to ``prediction``.

    Returns:
        Tensor: Shape of ``prediction``.
    """
    residual = prediction - target
    return torch.where(weight > 0, residual, torch.zeros_like(residual))


def labeled_mean(values: Tensor, has_label: Tensor) -> Tensor:
    """Average over labeled samples; without any, return a differentiable zero.

    With several processes, the sum is divided by the mean number of labeled samples per process. DDP averages
    over processes, so the result is the mean over all labeled samples of the joint batch, however they are
    distributed.

    Args:
        values: (N,).
        has_label: (N,), 0 or 1.

    Returns:
        Tensor: Scalar.
    """
    has_label = has_label.to(values.dtype)
    count, num_processes = has_label.sum(), 1
    if dist.is_available() and dist.is_initialized():
        num_processes = dist.get_world_size()
        dist.all_reduce(count)
    return (values * has_label).sum() * num_processes / count.clamp(min=1)


def over_sample(flags: Tensor, values: Tensor) -> Tensor:
    """Reshape flags (N,) to (N, 1, ...), which broadcasts over ``values`` (N, ...)."""
    return flags.reshape(-1, *[1] * (values.dim() - 1))
