"""Settings of data loaders that depend on each other."""

from collections.abc import Mapping
from typing import Any


def settle_workers(cfg: Mapping[str, Any]) -> None:
    """Make ``num_workers=0`` sufficient, which containers without shared memory need.

    torch refuses ``persistent_workers`` and ``prefetch_factor`` without workers.

    Args:
        cfg: Config of a run; its data loaders are changed.
    """
    for stage in ('train', 'val', 'test'):
        loader = cfg.get(f'{stage}_dataloader')
        if isinstance(loader, dict) and loader.get('num_workers', None) == 0:
            loader['persistent_workers'] = False
            loader.pop('prefetch_factor', None)
