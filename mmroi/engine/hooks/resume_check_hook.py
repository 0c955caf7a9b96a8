"""Says which settings of a config a resumed training does not use, or makes it use them."""

import copy
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmroi.registry import HOOKS

_STATE = ('base_values', 'last_step', 'verbose')  # of schedulers, beside what begins with an underscore
_SIMPLE = (bool, int, float, str, type(None))


@HOOKS.register_module()
class ResumeCheckHook(Hook):
    """Compare the optimizer's settings and the schedules of a config with those of the resumed checkpoint.

    MMEngine takes both from the checkpoint, so a learning rate that was changed has no effect, and a
    one-cycle schedule whose training was extended stays at the lowest rate.

    Args:
        settings: ``'checkpoint'`` keeps MMEngine's way, and warns with the values. ``'config'`` takes the
            settings of the config and moves its schedules on to the iteration of the checkpoint; the
            optimizer keeps its moments.

    Raises:
        ValueError: ``settings`` is neither; or, before the first step, the checkpoint is of another kind of
            optimizer than that of the config.
    """

    priority = 'HIGHEST'

    def __init__(self, settings: str = 'checkpoint') -> None:
        if settings not in ('checkpoint', 'config'):
            raise ValueError(f"ResumeCheckHook: settings must be 'checkpoint' or 'config', not {settings!r}")
        self.settings = settings
        self._groups: list[dict[str, Any]] = []
        self._schedulers: list[dict[str, Any]] = []

    def before_run(self, runner: Runner) -> None:
        """Note what the config says, before a checkpoint replaces it."""
        if isinstance(runner.optim_wrapper, OptimWrapper):
            groups = runner.optim_wrapper.param_groups
            self._groups = [copy.deepcopy({k: v for k, v in g.items() if k != 'params'}) for g in groups]
            self._schedulers = [copy.deepcopy(s.state_dict()) for s in _schedulers(runner)]

    def before_train(self, runner: Runner) -> None:
        """Compare, and warn or take the settings of the config."""
        if not self._groups or not runner.iter:
            return
        self._check_kind(runner)
        differences = list(self._compare(runner))
        if not differences:
            return
        if self.settings == 'config':
            self._apply(runner)
            runner.logger.info(f'Resumed with the settings of the config: {"; ".join(differences)}')
            return
        runner.logger.warning(
            'The resumed training keeps settings of its checkpoint, and those of the config have no effect: '
            f'{"; ".join(differences)}. To use those of the config from here on: --cfg-options '
            'default_hooks.resume.settings=config. To start a new training from the weights: '
            '--cfg-options load_from=CHECKPOINT without --resume'
        )

    def _check_kind(self, runner: Runner) -> None:
        # A checkpoint does not say which optimizer it is of; each kind has settings of its own.
        optimizer = runner.optim_wrapper.optimizer
        missing = {
            key for group in optimizer.param_groups for key in optimizer.defaults.keys() - group.keys()
        }
        if missing:
            raise ValueError(
                f'The checkpoint is of another optimizer than {type(optimizer).__name__} of the config: it '
                f'has no {", ".join(sorted(missing))}. Resume with the one that it was trained with, or '
                'start a new training from its weights: --cfg-options load_from=CHECKPOINT without --resume'
            )

    def _compare(self, runner: Runner) -> Iterator[str]:
        seen = set()
        for group, ours in zip(runner.optim_wrapper.param_groups, self._groups, strict=False):
            theirs, ours = _settings(group), _settings(ours)
            for key in theirs.keys() & ours.keys():
                words = f'{key} {_show(theirs[key])} of the checkpoint, {_show(ours[key])} of the config'
                if not _equal(theirs[key], ours[key]) and words not in seen:
                    seen.add(words)
                    yield words
        schedulers = _schedulers(runner)
        if len(schedulers) != len(self._schedulers):
            yield f'{len(self._schedulers)} schedules of the config for {len(schedulers)}'
        for scheduler, ours in zip(schedulers, self._schedulers, strict=False):
            theirs = scheduler.state_dict()
            for key in ours:
                if key in _STATE or key.startswith('_') or not _is_simple(ours[key]):
                    continue
                if not _equal(theirs.get(key), ours[key]):
                    yield (
                        f'{type(scheduler).__name__}.{key} {_show(theirs.get(key))} of the checkpoint, '
                        f'{_show(ours[key])} of the config'
                    )

    def _apply(self, runner: Runner) -> None:
        """Reset optimizer and schedules to the start of the config's training, and move them on."""
        for group, ours in zip(runner.optim_wrapper.param_groups, self._groups, strict=True):
            group.update(copy.deepcopy(ours))
        schedulers = _schedulers(runner)
        for scheduler, ours in zip(schedulers, self._schedulers, strict=True):
            scheduler.load_state_dict(copy.deepcopy(ours))
        per_epoch = len(runner.train_dataloader)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # that the optimizer does not step in between
            for i in range(1, runner.iter + 1):
                for scheduler in schedulers:
                    if not scheduler.by_epoch:
                        scheduler.step()
                for scheduler in schedulers if i % per_epoch == 0 else ():
                    if scheduler.by_epoch:
                        scheduler.step()


def _settings(group: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings of a parameter group; those that are scheduled, at their start."""
    start = {
        key.removeprefix('initial_'): value for key, value in group.items() if key.startswith('initial_')
    }
    found = {key: value for key, value in group.items() if _is_simple(value)} | start
    return {key: value for key, value in found.items() if not key.startswith(('initial_', 'max_', 'min_'))}


def _schedulers(runner: Runner) -> list[Any]:
    schedulers: Any = runner.param_schedulers
    return list(schedulers) if isinstance(schedulers, list) else []


def _is_simple(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_simple, value))
    if isinstance(value, dict):  # also a Counter of milestones
        return all(map(_is_simple, value.values()))
    return isinstance(value, _SIMPLE)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    return bool(one == other)


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return f'{sorted(value)}'
    return f'{value:.6g}' if isinstance(value, float) else f'{value}'
