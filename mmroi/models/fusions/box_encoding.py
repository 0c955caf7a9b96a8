"""Positional encoding of RoI boxes for the fusions."""

from typing import Any

import torch
from torch import Tensor, nn

from mmroi.geometry.boxes import encode_box
from mmroi.geometry.encoding import (
    check_num_freqs,
    positional_encoding,
    released_constants,
    released_encoding,
)
from mmroi.registry import MODELS


@MODELS.register_module()
class BoxEncoding(nn.Module):
    """γ of normalized boxes, or of their differences (paper Eq. 3), with exact angles of float64 boxes.

    Args:
        num_freqs: Frequencies L, 0 to 64; 0 for the plain numbers.

    Attributes:
        dtype: Precision of the arithmetic.
        out_channels: 3 + 6L.

    Raises:
        ValueError: ``num_freqs`` is out of range.
    """

    dtype = torch.float64

    def __init__(self, num_freqs: int) -> None:
        super().__init__()
        check_num_freqs(num_freqs)
        self.num_freqs = num_freqs
        self.out_channels = 3 + 6 * num_freqs

    def normalize(self, boxes: Tensor, focal_length: Tensor) -> Tensor:
        """Compute the three numbers of each box.

        Args:
            boxes: (N, M, 3), pixels relative to the principal point.
            focal_length: (N,), pixels.

        Returns:
            Tensor: (N, M, 3) of this encoding's ``dtype``.
        """
        return encode_box(boxes.double(), focal_length).to(self.dtype)

    def forward(self, p: Tensor) -> Tensor:
        """Encode.

        Args:
            p: (..., 3), what :meth:`normalize` returns, or differences of it.

        Returns:
            Tensor: (..., 3 + 6L) in the dtype of ``p``.
        """
        return positional_encoding(p, self.num_freqs)


@MODELS.register_module()
class Float32BoxEncoding(BoxEncoding):
    """The float32 arithmetic of the authors' code, in which the upper octaves have no correct digit.

    Its constants ``freqs`` and ``phases`` (1, 2L, 1) are buffers, as the authors' checkpoints hold them.

    Args:
        num_freqs: Frequencies L.
    """

    dtype = torch.float32
    freqs: Tensor
    phases: Tensor

    def __init__(self, num_freqs: int) -> None:
        super().__init__(num_freqs)
        for name, constant in zip(('freqs', 'phases'), released_constants(num_freqs), strict=True):
            self.register_buffer(name, constant)

    def forward(self, p: Tensor) -> Tensor:
        """Encode in float32; arguments as in :meth:`BoxEncoding.forward`."""
        return released_encoding(p, self.freqs, self.phases)


def build_encoding(num_freqs: int, config: dict[str, Any] | None = None) -> BoxEncoding:
    """Build the encoding of a fusion.

    Args:
        num_freqs: Frequencies L.
        config: ``type`` of the encoding, and its further arguments; None for :class:`BoxEncoding`.

    Returns:
        BoxEncoding: The module.
    """
    return MODELS.build(dict(type='BoxEncoding', num_freqs=num_freqs) | dict(config or {}))
