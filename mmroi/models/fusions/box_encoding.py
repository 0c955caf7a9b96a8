"""Positional encoding of RoI boxes, as the fusions see it."""

import torch
from torch import Tensor, nn

from mmroi.geometry.boxes import encode_box
from mmroi.geometry.encoding import (
    check_num_freqs,
    positional_encoding,
    released_constants,
    released_encoding,
)


class BoxEncoding(nn.Module):
    """γ of normalized boxes, or of their differences (paper Eq. 3).

    Args:
        num_freqs: Frequencies L, 0 to 64; 0 for the plain numbers.
        exact: Exact angles of float64 boxes. False: the float32 arithmetic of the authors' code; its
            constants ``freqs`` and ``phases`` (1, 2L, 1) are then buffers, as its checkpoints hold them.

    Attributes:
        out_channels: 3 + 6L.

    Raises:
        ValueError: ``num_freqs`` is out of range.
    """

    freqs: Tensor
    phases: Tensor

    def __init__(self, num_freqs: int, exact: bool = True) -> None:
        super().__init__()
        check_num_freqs(num_freqs)
        self.num_freqs = num_freqs
        self.exact = exact
        self.out_channels = 3 + 6 * num_freqs
        if not exact:
            for name, constant in zip(('freqs', 'phases'), released_constants(num_freqs), strict=True):
                self.register_buffer(name, constant)

    def normalize(self, boxes: Tensor, focal_length: Tensor) -> Tensor:
        """The three numbers of each box in the precision of the arithmetic.

        Args:
            boxes: (N, M, 3), pixels relative to the principal point.
            focal_length: (N,), pixels.

        Returns:
            Tensor: (N, M, 3), float64 if exact, else float32.
        """
        return encode_box(boxes.double(), focal_length).to(torch.float64 if self.exact else torch.float32)

    def forward(self, p: Tensor) -> Tensor:
        """Encode.

        Args:
            p: (..., 3), what :meth:`normalize` returns, or differences of it.

        Returns:
            Tensor: (..., 3 + 6L) in the dtype of ``p``.
        """
        if self.exact:
            return positional_encoding(p, self.num_freqs)
        return released_encoding(p, self.freqs, self.phases)
