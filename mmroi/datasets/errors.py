"""What can be wrong with one sample."""

from mmroi.datasets.units import UNIT_FAULTS

REASONS = (
    'missing image',
    'truncated image',
    'unreadable image',
    'NaN box',
    'zero-area box',
    'box outside the image',
    'NaN labels',
    'focal length not positive',
    *UNIT_FAULTS,
    'duplicated row',
)


class BadSampleError(ValueError):
    """One row of a dataset cannot be used.

    ``HumanImageDataset`` adds the file and the row, or skips and counts the row where it may.

    Args:
        reason: One of ``REASONS``.
        detail: What was found, and what to do about it. Without it, ``reason`` is the whole message: torch
            builds an error of a loader worker anew from its text.
    """

    def __init__(self, reason: str, detail: str = '') -> None:
        super().__init__(f'{reason}: {detail}' if detail else reason)
        self.reason = reason
        self.detail = detail
