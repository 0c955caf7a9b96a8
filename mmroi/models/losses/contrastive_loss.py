"""Contrastive loss between persons (paper section 3.3, equation 17)."""
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mmroi.models.numerics import without_autocast
from mmroi.registry import MODELS


@MODELS.register_module()
class ContrastiveLoss(nn.Module):
    r"""Features of the RoIs of one person attract each other and repel those of other persons.

    .. math:: \frac{1}{NM} \sum_{i,m} \frac{-1}{M-1} \sum_{n \ne m}
        \log \frac{\exp(z_m^i \cdot z_n^i / \tau)}{\sum_{i' \ne i} \sum_{m'} \exp(z_m^i \cdot z_{m'}^{i'} /
        \tau)}

    The mean over the N M anchors stands where the paper sums, so that the loss does not grow with the batch.
    It is zero, with a graph, for one person or one RoI.

    Args:
        temperature: τ.
        denominator: ``'negatives'``: RoIs of other persons only (the paper). ``'all'``: the positives too
            (SupCon, Khosla et al., NeurIPS 2020; the authors' code, which further multiplies by τ).
        gather: Take the other persons from all processes. The gradient flows back to them, so that the
            average over processes that DDP makes is the gradient of one process with the joined batch. All
            processes must have the same batch size.
        loss_weight: Weight.

    Raises:
        ValueError: ``denominator`` is unknown or ``temperature`` is not positive.
    """

    def __init__(self, temperature: float = 0.5, denominator: str = 'negatives', gather: bool = False,
                 loss_weight: float = 0.1) -> None:
        super().__init__()
        if denominator not in ('negatives', 'all'):
            raise ValueError(
                f"ContrastiveLoss: denominator must be 'negatives' or 'all', got {denominator!r}.")
        if temperature <= 0:
            raise ValueError(f'ContrastiveLoss: temperature must be positive, got {temperature}.')
        self.temperature = temperature
        self.denominator = denominator
        self.gather = gather
        self.loss_weight = loss_weight

    @without_autocast
    def forward(self, z: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            z: (N, M, d) of unit length: row i holds the M RoIs of person i.

        Returns:
            Tensor: Scalar.
        """
        num_persons, num_rois, _ = z.shape
        everyone, first = z, 0
        if self.gather and dist.is_available() and dist.is_initialized():
            everyone, first = _GatherWithGradient.apply(z), dist.get_rank() * num_persons
        if len(everyone) == 1 or num_rois == 1:
            return 0 * everyone.sum()
        similarity = torch.einsum('imd,jnd->imjn', z, everyone) / self.temperature
        person = torch.arange(num_persons, device=z.device)
        own = similarity[person, :, first + person]  # (N, M, M): anchors against the RoIs of the same person
        itself = torch.eye(num_rois, dtype=torch.bool, device=z.device)
        positives = own.masked_fill(itself, 0).sum(-1) / (num_rois - 1)
        excluded = torch.eye(len(everyone), dtype=torch.bool, device=z.device)[first + person]
        excluded = excluded[:, None, :, None]
        if self.denominator == 'all':
            excluded = excluded & itself[None, :, None]
        normaliser = similarity.masked_fill(excluded, -torch.inf).flatten(2).logsumexp(-1)
        return self.loss_weight * (normaliser - positives).mean()


class _GatherWithGradient(torch.autograd.Function):
    """Concatenation over processes; the gradient of a part is the sum of what all processes have for it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        parts = [torch.empty_like(z) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, z.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
