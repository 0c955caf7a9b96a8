"""Contrastive loss between persons (paper section 3.3, equation 17)."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.models.losses.reduction import labeled_mean
from mmroi.registry import MODELS


@MODELS.register_module()
class ContrastiveLoss(nn.Module):
    r"""Features of the RoIs of one person attract each other and repel those of other persons.

    .. math:: \frac{1}{NM} \sum_{i,m} \frac{-1}{M-1} \sum_{n \ne m}
        \log \frac{\exp(z_m^i \cdot z_n^i / \tau)}{\sum_{i' \ne i} \sum_{m'} \exp(z_m^i \cdot z_{m'}^{i'} /
        \tau)}

    The paper sums over the N M anchors; the mean does not grow with the batch. The same person twice in a
    batch is neither a positive nor a negative, and anchors without a negative do not count: the loss is a
    differentiable zero for one person or one RoI.

    Args:
        temperature: τ.
        denominator: ``'negatives'``: RoIs of other persons only (the paper). ``'all'``: the positives too
            (SupCon, Khosla et al., NeurIPS 2020; the released code, which also multiplies by τ).
        gather: Take the other persons from all processes. Gradients flow back to them, so DDP's average over
            processes is the gradient of a single process with the joint batch. All processes must have the
            same batch size.
        loss_weight: Weight.

    Raises:
        ValueError: ``denominator`` is unknown or ``temperature`` is not positive.
    """

    def __init__(
        self,
        temperature: float = 0.5,
        denominator: str = 'negatives',
        gather: bool = False,
        loss_weight: float = 0.1,
    ) -> None:
        super().__init__()
        if denominator not in ('negatives', 'all'):
            raise ValueError(
                f"ContrastiveLoss: denominator must be 'negatives' or 'all', got {denominator!r}."
            )
        if temperature <= 0:
            raise ValueError(f'ContrastiveLoss: temperature must be positive, got {temperature}.')
        self.temperature = temperature
        self.denominator = denominator
        self.gather = gather
        self.loss_weight = loss_weight

    @without_autocast
    def forward(self, projections: Tensor, person_ids: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            projections: z (N, M, d) of unit length: row i holds the M RoIs of person i.
            person_ids: (N,) int64, equal for rows of the same person; None if all are different.

        Returns:
            Tensor: Scalar.

        Raises:
            ValueError: With ``gather``, batch sizes differ between processes; raised in all of them.
        """
        z = projections
        num_persons, num_rois, _ = z.shape
        if num_rois == 1:
            return 0 * z.sum()
        everyone, first = z, 0
        if self.gather and dist.is_available() and dist.is_initialized():
            _check_batch_sizes(num_persons, z.device)
            everyone, first = _GatherWithGradient.apply(z), dist.get_rank() * num_persons
        similarity = torch.einsum('imd,jnd->imjn', z, everyone) / self.temperature
        person = torch.arange(num_persons, device=z.device)
        own = similarity[person, :, first + person]  # (N, M, M): anchors against the RoIs of the same person
        itself = torch.eye(num_rois, dtype=torch.bool, device=z.device)
        positives = own.masked_fill(itself, 0).sum(-1) / (num_rois - 1)
        same = self._same_person(person_ids, len(everyone), first + person)
        has_negatives = ~same.all(1)
        normalizer = self._normalizer(similarity, same & has_negatives[:, None])
        if self.denominator == 'all':
            normalizer = normalizer.logaddexp(own.masked_fill(itself, -torch.inf).logsumexp(-1))
        return self.loss_weight * labeled_mean((normalizer - positives).mean(1), has_negatives)

    @staticmethod
    def _normalizer(similarity: Tensor, excluded: Tensor) -> Tensor:
        """(N, M) logarithm of the sum over the RoIs of all persons but the excluded (N, N_all)."""
        return similarity.masked_fill(excluded[:, None, :, None], -torch.inf).flatten(2).logsumexp(-1)

    @staticmethod
    def _same_person(person_ids: Tensor | None, num_all: int, own: Tensor) -> Tensor:
        """(N, N_all) bool; ``own`` (N,) are the rows of this process's batch among all."""
        if person_ids is None:
            return torch.eye(num_all, dtype=torch.bool, device=own.device)[own]
        everyone = person_ids
        if num_all != len(person_ids):
            parts = [torch.empty_like(person_ids) for _ in range(num_all // len(person_ids))]
            dist.all_gather(parts, person_ids.contiguous())
            everyone = torch.cat(parts)
        return person_ids[:, None] == everyone


def _check_batch_sizes(num_persons: int, device: torch.device) -> None:
    sizes = torch.zeros(dist.get_world_size(), dtype=torch.int64, device=device)
    sizes[dist.get_rank()] = num_persons
    dist.all_reduce(sizes)
    if (sizes != num_persons).any():
        raise ValueError(
            f'ContrastiveLoss(gather=True): the processes have batches of {sizes.tolist()} '
            'persons, which must be equal: set drop_last=True in train_dataloader'
        )


class _GatherWithGradient(torch.autograd.Function):
    """Concatenates over processes; the gradient of a part is the sum of its gradients in all processes."""

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
