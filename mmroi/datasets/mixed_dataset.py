"""Concatenation of datasets."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import BaseDataset, ConcatDataset

from mmroi.datasets.seeded_samples import SeededBatches
from mmroi.registry import DATASETS


@DATASETS.register_module()
class MixedDataset(SeededBatches, ConcatDataset):
    """Concatenate datasets built with shared arguments.

    A config changes the pipeline in one place, as with a single dataset. ``MixtureSampler`` draws from the
    datasets in given ratios. Datasets may differ in their labels: missing ones are zero, and the ``has_*``
    flags of the sample say so.

    Args:
        datasets: Datasets or their configs.
        lazy_init: Do not open the files before ``full_init``.
        **shared: Arguments of every dataset built from a config, such as ``data_root`` and ``pipeline``.
            Those of the config take precedence.

    Raises:
        ValueError: ``datasets`` is empty, or keypoint conventions differ.
    """

    def __init__(
        self, datasets: Sequence[BaseDataset | dict[str, Any]], lazy_init: bool = False, **shared: Any
    ) -> None:
        if not datasets:
            raise ValueError('MixedDataset: `datasets` is empty, give it at least one dataset')
        super().__init__(_with_shared(datasets, shared), lazy_init)

    @staticmethod
    def spell_out(config: Mapping[str, Any]) -> dict[str, Any]:
        """Write the shared arguments of a config to each of its datasets.

        Args:
            config: Config of a ``MixedDataset``.

        Returns:
            An equivalent config.
        """
        own = {key: config[key] for key in ('type', 'datasets', 'lazy_init') if key in config}
        shared = {key: value for key, value in config.items() if key not in own}
        return dict(own, datasets=_with_shared(config['datasets'], shared))


def _with_shared(datasets: Sequence[Any], shared: Mapping[str, Any]) -> list[Any]:
    return [{**shared, **part} if isinstance(part, dict) else part for part in datasets]
