"""The number of epochs of a training, for its loop and its schedulers at once."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from torch.utils.data import DataLoader

from mmroi.engine.body_model import dicts_in


def read_epochs(cfg: Config) -> int | None:
    """Return the number of epochs of the training loop; None if it does not count epochs.

    Args:
        cfg: Config of a run.
    """
    return (cfg.get('train_cfg') or {}).get('max_epochs')


def set_epochs(cfg: Config, epochs: int, before: int | None = None) -> None:
    """Set the number of epochs.

    Schedulers that count epochs and ended with the training (``total_steps``, ``T_max``, ``end``) end with it
    again. Others, such as a warm-up, and ``milestones`` stay.

    Args:
        cfg: Config of a run; changed.
        epochs: Their number.
        before: What it was; by default what the training loop says.

    Raises:
        ValueError: The training loop does not count epochs, or the schedulers went on after it.
    """
    before = before or read_epochs(cfg)
    if before is None:
        raise ValueError(
            f'max_epochs = {epochs}, but train_cfg has no max_epochs; max_epochs = None unsets it'
        )
    for scheduler, key, begin in _ends(cfg.get('param_scheduler')):
        end = begin + scheduler[key]
        if end == before:
            scheduler[key] = epochs - begin
        elif end > before and epochs not in (before, end):
            raise ValueError(
                f'max_epochs = {epochs} cannot replace train_cfg.max_epochs = {before} in the schedulers, as '
                f'{scheduler.get("type")} ends after {end} epochs: either set max_epochs alone, or '
                'max_epochs = None and the others'
            )
    cfg.train_cfg['max_epochs'] = epochs


def check_iterations(loader: DataLoader[Any], processes: int = 1) -> None:
    """Check that an epoch has an iteration; MMEngine would train nothing and say nothing.

    Args:
        loader: Loader of a training.
        processes: Those that share the data.

    Raises:
        ValueError: The data are fewer than a batch, of which the sampler or loader drops the rest.
    """
    if not len(loader):
        people = len(loader.dataset)  # type: ignore[arg-type]
        raise ValueError(
            f'train_dataloader gives no batch: {people} samples for {processes} '
            f'process(es) are fewer than batches of {loader.batch_size}, and drop_last is True. Set '
            'train_dataloader.batch_size to less, or train_dataloader.drop_last=False'
        )


def _ends(schedulers: Any) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Yield the arguments of schedulers that say how many epochs they last, and when they begin."""
    for scheduler in dicts_in(schedulers):
        begin = scheduler.get('begin', 0)
        for key, start in (('total_steps', begin), ('T_max', begin), ('end', 0)):
            if scheduler.get('by_epoch', True) and isinstance(scheduler.get(key), int):
                yield scheduler, key, start
