"""Multi-RoI's head with a mesh for each RoI, for the ablation."""

import torch
from torch import Tensor

from mmroi.models.heads.multi_roi_head import MultiRoIHead
from mmroi.registry import MODELS


@MODELS.register_module()
class PerRoIMeshHead(MultiRoIHead):
    """Regresses a mesh from each u_m with the same weights, instead of one from u_bar.

    Arguments and tensors are those of :class:`MultiRoIHead`; ``pose6d`` is (N, M, 24, 6) and ``betas``
    (N, M, 10).
    """

    def _decode_mesh(self, u: Tensor, u_bar: Tensor, beside: Tensor) -> dict[str, Tensor]:
        return self.mesh_decoder(torch.cat([u, beside], dim=-1))
