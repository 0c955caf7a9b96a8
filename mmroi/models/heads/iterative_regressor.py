"""The iterative residual regressor of HMR."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmroi.registry import MODELS


class IterativeRegressor(nn.Module):
    """Refines named parameters iteratively from a feature (HMR, Kanazawa et al., CVPR 2018; SPIN's form).

    Each step computes concat(feature, parameters) → fc → activation → dropout, twice; then one Linear for
    each parameter vector computes its update. The start is a buffer, ``initial``, and part of the checkpoint,
    because the weights are only valid together with it.

    By default there is no activation, as in the code of SPIN, CLIFF and Multi-RoI: without dropout all steps
    together are then one affine map of the feature. HMR's TensorFlow code has ReLU.

    Args:
        in_channels: Width of the feature.
        sizes: Name and size of each parameter vector, in the order in which they follow the feature.
        hidden_channels: Widths of the two fully connected layers.
        dropout: Probability.
        num_iters: Number of steps.
        gain: Gain of the Xavier initialization of the last layers; small values keep a new network near its
            start.
        activation: Config of the activation behind the two fully connected layers, such as
            ``dict(type='ReLU')``. None for published checkpoints.
    """

    initial: Tensor

    def __init__(
        self,
        in_channels: int,
        sizes: Mapping[str, int],
        hidden_channels: Sequence[int] = (1024, 1024),
        dropout: float = 0.5,
        num_iters: int = 3,
        gain: float = 0.01,
        activation: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.sizes = dict(sizes)
        self.num_iters = num_iters
        first, second = hidden_channels
        self.register_buffer('initial', torch.zeros(sum(sizes.values())))
        self.fc1 = nn.Linear(in_channels + sum(sizes.values()), first)
        self.fc2 = nn.Linear(first, second)
        self.activation = MODELS.build(activation) if activation else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.decoders = nn.ModuleDict()
        for name, size in sizes.items():
            decoder = self.decoders[name] = nn.Linear(second, size)
            nn.init.xavier_uniform_(decoder.weight, gain=gain)
            nn.init.zeros_(decoder.bias)

    def set_initial(self, **parameters: Tensor) -> None:
        """Set the start of the refinement.

        Args:
            **parameters: A vector for each of the regressor's names; other names are ignored.
        """
        with torch.no_grad():
            self.initial.copy_(torch.cat([parameters[name] for name in self.sizes]))

    def forward(self, feature: Tensor) -> dict[str, Tensor]:
        """Regress.

        Args:
            feature: (..., in_channels).

        Returns:
            dict: For each name, (..., size).
        """
        # fc1 of the feature is the same in every step.
        constant = F.linear(feature, self.fc1.weight[:, : self.in_channels], self.fc1.bias)
        weight = self.fc1.weight[:, self.in_channels :]
        state = self.initial.expand(*feature.shape[:-1], -1)
        for _ in range(self.num_iters):
            x = self.dropout(self.activation(constant + F.linear(state, weight)))
            x = self.dropout(self.activation(self.fc2(x)))
            state = state + torch.cat([decoder(x) for decoder in self.decoders.values()], dim=-1)
        return dict(zip(self.sizes, state.split(list(self.sizes.values()), dim=-1), strict=True))
