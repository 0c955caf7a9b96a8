"""The head that says how far each joint may be off."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmroi.geometry.boxes import encode_box
from mmroi.geometry.precision import without_autocast
from mmroi.models.heads.base_head import rotations_of
from mmroi.registry import MODELS

NUM_JOINTS = 24
INPUTS = ('feature', 'pose', 'betas', 'camera', 'box')
_LOWEST, _HIGHEST = 1e-3, 1.0  # meters, of a standard deviation


@MODELS.register_module()
class JointUncertaintyHead(BaseModule):
    """Standard deviations of SMPL's 24 joints from the fused feature and what was regressed from it.

    The error of a joint is that of its position relative to the root, Human3.6M's pelvis, as in MPJPE. It is
    modeled as isotropic: the standard deviation is that of each coordinate. A fully connected layer, ReLU,
    and a linear layer give its logarithm, between those of 1 mm and 1 m. Computed in float32 under autocast.

    Trained by ``JointUncertaintyLoss``. People whom the regression has learned by heart look more certain
    than others, so train it on others, or calibrate it on them (``calibrate``).

    Args:
        in_channels: Width d of the features. The estimator fills it in where a config leaves it out.
        inputs: What it reads: the fused ``'feature'`` u_bar; the regressed ``'pose'`` as the first two
            columns of the rotations, ``'betas'``, and the base RoI's ``'camera'``; its encoded ``'box'``.
        hidden_channels: Width of the hidden layer.
        dropout: Probability, of the feature.
        detach: Stop the gradients to encoder, fusion and regression, which then learn as if there were no
            such head.
        initial_std: Standard deviation of a new head, meters.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: An input is unknown, or there is none.
    """

    scale: Tensor

    def __init__(
        self,
        in_channels: int,
        inputs: Sequence[str] = INPUTS,
        hidden_channels: int = 64,
        dropout: float = 0.0,
        detach: bool = True,
        initial_std: float = 0.06,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not inputs or set(inputs) - set(INPUTS):
            raise ValueError(f'JointUncertaintyHead: inputs must be some of {INPUTS}, got {tuple(inputs)}.')
        self.in_channels, self.inputs, self.detach = in_channels, tuple(inputs), detach
        widths = dict(feature=in_channels, pose=6 * NUM_JOINTS, betas=10, camera=3, box=3)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(sum(widths[name] for name in self.inputs), hidden_channels)
        self.decoder = nn.Linear(hidden_channels, NUM_JOINTS)
        nn.init.zeros_(self.decoder.weight)
        share = math.log(initial_std / _LOWEST) / math.log(_HIGHEST / _LOWEST)
        nn.init.constant_(self.decoder.bias, math.log(share / (1 - share)))
        self.register_buffer('scale', torch.ones(NUM_JOINTS))

    @without_autocast
    def forward(
        self, u_bar: Tensor, output: Mapping[str, Tensor], boxes: Tensor, focal_length: Tensor
    ) -> Tensor:
        """Estimate.

        Args:
            u_bar: Mean of the fused features (N, d).
            output: What the regression head returned. Where it has a mesh for each RoI, that of the base RoI.
            boxes: (N, M, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.

        Returns:
            Tensor: Standard deviation per coordinate (N, 24), meters.
        """
        rotations, betas = rotations_of(output), output['betas']
        if betas.dim() == 3:
            rotations, betas = rotations[:, 0], betas[:, 0]
        parts = dict(
            feature=self.dropout(u_bar),
            pose=rotations[..., :2].flatten(1),
            betas=betas,
            camera=output['cameras'][:, 0],
            box=encode_box(boxes[:, 0], focal_length),
        )
        x = torch.cat([parts[name].to(u_bar.dtype) for name in self.inputs], dim=-1)
        logits = self.decoder(self.fc(x.detach() if self.detach else x).relu())
        return self.scale * _LOWEST * (_HIGHEST / _LOWEST) ** logits.sigmoid()
