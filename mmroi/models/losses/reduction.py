"""Residuals and means over the samples that have a label."""

import torch
import torch.distributed as dist
from torch import Tensor


def labeled_residual(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """``prediction - target``, exactly zero where ``weight`` is zero, whatever stands in the target there.

    An absent label may be NaN; multiplying by a zero weight afterwards would keep it.

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
    """Mean over the samples that have the label; a zero with a graph if none has.

    With several processes, the sum is divided by the mean number of labeled samples per process, so that the
    average over processes that DDP takes is the mean over all labeled samples of the joined batch, however
    they are distributed.

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
    """Flags (N,) as (N, 1, ...), to be broadcast over ``values`` (N, ...)."""
    return flags.reshape(-1, *[1] * (values.dim() - 1))
