"""Settings of data loaders that depend on each other."""

from collections.abc import Mapping
from typing import Any

from mmroi.utils.errors import UserError


def settle_workers(cfg: Mapping[str, Any]) -> None:
    """Make ``num_workers=0`` sufficient, which containers without shared memory need.

    torch refuses ``persistent_workers`` and ``prefetch_factor`` without workers.

    Args:
        cfg: Config of a run; its data loaders are changed.

    Raises:
        UserError: A batch size or a number of workers is no such number.
    """
    for stage in ('train', 'val', 'test'):
        loader = cfg.get(f'{stage}_dataloader')
        if not isinstance(loader, dict):
            continue
        for key, least in dict(batch_size=1, num_workers=0).items():
            number = loader.get(key)
            if number is not None and (type(number) is not int or number < least):
                raise UserError(
                    f'config: {stage}_dataloader.{key} must be an integer of at least {least}, not {number!r}'
                )
        if loader.get('num_workers') == 0:
            loader['persistent_workers'] = False
            loader.pop('prefetch_factor', None)
