"""Several datasets as one."""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import BaseDataset, ConcatDataset

from mmroi.registry import DATASETS


@DATASETS.register_module()
class MixedDataset(ConcatDataset):
    """Datasets one after the other, built with the arguments that they share.

    A config that changes the pipeline does so once, as with a single dataset. ``MixtureSampler`` draws from
    the sets in given ratios. Sets may differ in the labels they have: those that a row lacks are zero, and
    its ``has_*`` flags say so.

    Args:
        datasets: The sets, or their configs.
        lazy_init: Leave the files closed until ``full_init``.
        **shared: Arguments for each set built from a config, such as ``data_root`` and ``pipeline``; a set's
            own win.

    Raises:
        ValueError: There is no set, or their keypoint conventions differ.
    """

    def __init__(
        self, datasets: Sequence[BaseDataset | dict], lazy_init: bool = False, **shared: Any
    ) -> None:
        if not datasets:
            raise ValueError('MixedDataset: `datasets` is empty, give it at least one dataset')
        parts = [{**shared, **part} if isinstance(part, dict) else part for part in datasets]
        super().__init__(parts, lazy_init)
