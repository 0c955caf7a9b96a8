"""smplx's own linear blend skinning, for those who want exactly its numbers."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn


class SmplxLayer(nn.Module):
    """Call ``smplx.lbs``, an optional dependency under a license for non-commercial research only.

    It agrees with :class:`LinearBlendSkinning` to 1e-6 m, is slower, and waits for the device at each joint.

    Args:
        arrays: As :func:`load_body_file` returns them.
        num_betas: B.

    Raises:
        ImportError: If smplx is not installed.
    """

    lbs_weights: Tensor

    def __init__(self, arrays: Mapping[str, np.ndarray], num_betas: int = 10) -> None:
        super().__init__()
        try:
            from smplx.lbs import lbs
        except ImportError as error:
            raise ImportError(
                "SMPL(layer='smplx') needs smplx, whose license is for non-commercial research only: "
                "pip install 'smplx>=0.1.28,<0.2'. The default, layer='mmroi', needs nothing."
            ) from error
        self._lbs = lbs
        parents = torch.tensor([-1, *map(int, arrays['kintree_table'][0, 1:])])
        self.register_buffer('parents', parents, persistent=False)
        floats = dict(
            v_template=arrays['v_template'],
            shapedirs=arrays['shapedirs'][..., :num_betas],
            posedirs=arrays['posedirs'].reshape(-1, arrays['posedirs'].shape[2]).T,
            J_regressor=arrays['J_regressor'],
            lbs_weights=arrays['weights'],
        )
        for name, value in floats.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float32), persistent=False)

    @property
    def weights(self) -> Tensor:
        """Skinning weights (24, V), as :class:`LinearBlendSkinning` has them."""
        return self.lbs_weights.T

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Pose and shape the vertices.

        Args:
            rotations: (N, 24, 3, 3), each relative to the parent.
            betas: (N, B).

        Returns:
            Vertices (N, 6890, 3) and joints of the skeleton (N, 24, 3); meters, body frame.
        """
        return self._lbs(betas, rotations, pose2rot=False, **dict(self.named_buffers()))
