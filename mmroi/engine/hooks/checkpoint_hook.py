"""Checkpoints that a kill or a full disk cannot damage."""

import logging
from bisect import bisect
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmroi.engine.checkpoints import LAST, check_checkpoint
from mmroi.evaluation.metrics import MESH_METRICS
from mmroi.fileio.atomic import WriteError, atomic_write, remove_leftovers
from mmroi.registry import HOOKS


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """Save checkpoints as MMEngine does, but so that a training that is killed loses nothing.

    * Every file is written under a temporary name, flushed to the disk, and renamed. Old checkpoints and the
      previous best one are removed only then.
    * A checkpoint knows whether the validation after it was done. A resumed training makes up for one that
      was interrupted, so that the best checkpoint and the curve are those of an uninterrupted training.
    * The files belong to the work folder, not to the path that it had: a moved or copied folder resumes, and
      nothing of the original is removed.
    * A best checkpoint that is missing or cannot be read does not count.

    Args:
        save_best: As in MMEngine: ``'auto'`` for the first metric, or names of metrics, also without the
            prefix if one metric has that name (``'MPJPE'`` for ``'synthetic/MPJPE'``).
        rule: As in MMEngine: ``'less'`` or ``'greater'``. By default larger is better for metrics of this
            project that are not errors, and for those that MMEngine knows; others are errors.
        **kwargs: Other arguments of :class:`mmengine.hooks.CheckpointHook`.
    """

    def __init__(
        self,
        interval: int = -1,
        save_best: str | list[str] | None = None,
        rule: str | list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interval, save_best=save_best, rule=rule, **kwargs)
        self._outdated: list[str] = []
        self.best_ckpt_path: str | None = None
        self.best_ckpt_path_dict: dict[str, str | None] = {}

    def before_train(self, runner: Runner) -> None:
        """Clear away what a kill has left, and validate if the kill has prevented it."""
        hub, resumed = runner.message_hub, runner.iter > 0
        own = resumed and self._is_own(runner)
        if resumed and not own:
            hub.update_info('keep_ckpt_ids', [])  # files of the other folder, which stay
            hub.update_info('outdated_ckpts', [])
        runner.logger.addFilter(_is_no_deprecation)
        super().before_train(runner)
        if not self._is_local:
            return
        if is_main_process():
            for folder in {str(self.out_dir), runner.work_dir}:
                remove_leftovers(folder)
        if own and is_main_process():
            self._remove(hub.runtime_info.get('outdated_ckpts', []))
            self._remove_unreadable_best(runner)
        if resumed:
            if 'last_ckpt' in hub.runtime_info:
                self.last_ckpt = self._path(Path(hub.get_info('last_ckpt')).name)
            self._adopt_best(runner, own)
            if hub.runtime_info.get('awaits_validation') and runner.val_loop is not None:
                runner.logger.info('The validation of the last epoch was interrupted: validating')
                runner.val_loop.run()
                self._remove_unrecorded_best(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best checkpoint, and note in the last one that its validation is done."""
        if hasattr(self, 'file_backend'):  # in a training
            super().after_val_epoch(runner, metrics)
            if self._is_local and runner.message_hub.runtime_info.get('awaits_validation'):
                self._save_again(runner)

    def _save_checkpoint(self, runner: Runner) -> None:
        runner.message_hub.update_info('awaits_validation', self._validation_follows(runner))
        super()._save_checkpoint(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        if not self._is_local:
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        hub, name = runner.message_hub, self.filename_tmpl.format(step)
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                self._outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        # If a kill prevents the removal, the resumed training does it.
        outdated, self._outdated = [other for other in self._outdated if other != name], []
        hub.update_info('outdated_ckpts', outdated)
        hub.update_info('last_ckpt', self._path(name))
        self._write(runner, name, self.save_optimizer, self.save_param_scheduler, meta, **self.args)
        self.last_ckpt = self._path(name)
        if is_main_process():
            with atomic_write(Path(runner.work_dir, LAST)) as temporary:
                temporary.write_text(self.last_ckpt, encoding='utf-8')
            self._remove(outdated)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        if not self._is_local:
            super()._save_best_checkpoint(runner, metrics)
            return
        if not self.save_best:
            return
        self._find_metrics(runner, metrics)
        improved = False
        for key, rule in zip(self.key_indicators, self.rules, strict=True):
            score, info = metrics[key], runner.message_hub.runtime_info
            best_score, best_ckpt = self._info_keys(key)
            before = info.get(best_score, self.init_value_map[rule])
            if score is None or not self.is_better_than[key](score, before):
                continue
            improved = True
            step = runner.epoch if self.by_epoch else runner.iter
            name = f'best_{key}_{self.filename_tmpl.format(step)}'.replace('/', '_')
            previous = info.get(best_ckpt)
            runner.message_hub.update_info(best_score, float(score))
            self._set_best(runner, key, self._path(name))
            self._write(runner, name, False, False, dict(epoch=runner.epoch, iter=runner.iter))
            if previous and Path(previous).name != name:
                self._outdated.append(Path(previous).name)
            runner.logger.info(f'The best checkpoint with {score:0.4f} {key} is saved to {name}.')
        if improved and self.last_ckpt is not None:
            self._save_again(runner)

    def _init_rule(self, rules: Sequence[str | None], key_indicators: list[str]) -> None:
        rules = [*rules] * len(key_indicators) if len(rules) == 1 else rules
        rules = [rule or self._rule_of(key) for rule, key in zip(rules, key_indicators, strict=True)]
        super()._init_rule(rules, key_indicators)

    def _rule_of(self, key: str) -> str | None:
        if key == 'auto':
            return None
        name = key.rpartition('/')[2]
        if name in MESH_METRICS:
            return 'greater' if MESH_METRICS[name].larger_is_better else 'less'
        return 'greater' if any(word.lower() in name.lower() for word in self.greater_keys) else 'less'

    def _find_metrics(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Replace ``auto`` and names without prefix by the names of the validation.

        Raises:
            KeyError: A name is none of them, or is not unique.
        """
        found: list[str] = []
        for key in self.key_indicators:
            names = [key] if key in metrics else [name for name in metrics if name.rpartition('/')[2] == key]
            names = list(metrics)[:1] if key == 'auto' else names
            if len(names) != 1:
                raise KeyError(
                    f'default_hooks.checkpoint.save_best={key!r} is {"no" if not names else "not the only"} '
                    f'metric of that name; the validation gives {", ".join(metrics)}'
                )
            found += names
        if found != self.key_indicators:
            self._init_rule(self.rules, found)
        before = runner.message_hub.runtime_info.get('best_metrics', found)
        if before != found:
            runner.logger.warning(
                f'The best checkpoint so far was that of {", ".join(before)}; from now on it is that of '
                f'{", ".join(found)}'
            )
            self._forget_best(runner)
        runner.message_hub.update_info('best_metrics', found)

    def _save_again(self, runner: Runner) -> None:
        """Save the last checkpoint again, with what the validation has found."""
        runner.message_hub.update_info('awaits_validation', False)
        step = runner.epoch if self.by_epoch else runner.iter
        self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _validation_follows(self, runner: Runner) -> bool:
        """Whether the loop validates right after the checkpoint that is being saved."""
        loop: Any = runner.train_loop
        in_iterations = isinstance(loop, IterBasedTrainLoop)
        if runner.val_loop is None or in_iterations == self.by_epoch:
            return False
        done, last = (loop.iter, loop.max_iters) if in_iterations else (loop.epoch, loop.max_epochs)
        interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, done + 2) - 1]
        return done + 1 >= loop.val_begin and ((done + 1) % interval == 0 or done + 1 == last)

    def _write(
        self,
        runner: Runner,
        name: str,
        optimizer: bool,
        param_scheduler: bool,
        meta: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        """Write a file that is whole or does not exist.

        Raises:
            WriteError: It cannot be written; names the last complete checkpoint.
        """
        if not is_main_process():
            return
        path = Path(self._path(name))
        param_scheduler = param_scheduler and runner.param_schedulers is not None  # or MMEngine warns
        options = dict(save_optimizer=optimizer, save_param_scheduler=param_scheduler, meta=meta, **kwargs)
        try:
            with atomic_write(path) as temporary:
                runner.save_checkpoint(
                    str(temporary.parent), temporary.name, by_epoch=self.by_epoch, **options
                )
        except WriteError as error:
            kept = f'{self.last_ckpt} is complete' if self.last_ckpt else 'there is no earlier checkpoint'
            raise WriteError(error.errno, f'{error}; {kept}: start the same command with --resume') from error

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            Path(self._path(Path(name).name)).unlink(missing_ok=True)

    def _remove_unreadable_best(self, runner: Runner) -> None:
        for path in sorted(Path(self.out_dir).glob('best_*.pth')):
            try:
                check_checkpoint(path)
            except ValueError as error:
                runner.logger.warning(f'{path} is removed: {error}')
                path.unlink()
            except OSError as error:
                runner.logger.warning(f'{path} cannot be read: {error}')

    def _remove_unrecorded_best(self, runner: Runner) -> None:
        """Remove the best checkpoint of an interrupted validation that was not the best when repeated."""
        info, step = runner.message_hub.runtime_info, runner.epoch if self.by_epoch else runner.iter
        recorded = {Path(info[key]).name for key in info if key.startswith('best_ckpt')}
        for key in self.key_indicators if self.save_best and is_main_process() else ():
            name = f'best_{key}_{self.filename_tmpl.format(step)}'.replace('/', '_')
            self._remove({name} - recorded)

    def _is_own(self, runner: Runner) -> bool:
        """Whether the training is resumed from a checkpoint in its own folder."""
        work_dir = Path(runner.work_dir)
        origin = Path(runner._load_from).parent if runner._load_from else work_dir
        folders = [work_dir, Path(self.out_dir or work_dir, work_dir.name)]
        return origin.resolve() in [folder.resolve() for folder in folders]

    def _adopt_best(self, runner: Runner, own: bool) -> None:
        """Find the best checkpoints in the folder where they are now; forget those that are gone."""
        info = runner.message_hub.runtime_info
        for key in [key for key in info if key.startswith('best_ckpt')]:
            path = self._path(Path(info[key]).name)
            if not own or not Path(path).is_file():
                runner.logger.warning(
                    f'The best checkpoint {Path(path).name} is not in {self.out_dir}: the next validation '
                    'begins a new search'
                )
                self._forget_best(runner)
                break
            runner.message_hub.update_info(key, path)

    def _forget_best(self, runner: Runner) -> None:
        for key in [
            key for key in runner.message_hub.runtime_info if key.startswith(('best_score', 'best_ckpt'))
        ]:
            runner.message_hub.pop_info(key)
        self.best_ckpt_path = None
        self.best_ckpt_path_dict = {}

    def _set_best(self, runner: Runner, key: str, path: str) -> None:
        runner.message_hub.update_info(self._info_keys(key)[1], path)
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path

    def _info_keys(self, key: str) -> tuple[str, str]:
        """Names of score and path of the best checkpoint in the message hub, as MMEngine has them."""
        if len(self.key_indicators) == 1:
            return 'best_score', 'best_ckpt'
        return f'best_score_{key}', f'best_ckpt_{key}'

    def _path(self, name: str) -> str:
        return str(self.file_backend.join_path(self.out_dir, name))

    @property
    def _is_local(self) -> bool:
        """Whether files are renamed; object stores replace them whole by themselves."""
        return isinstance(self.file_backend, LocalBackend)


def _is_no_deprecation(record: logging.LogRecord) -> bool:
    """Whether a message is not about the file client that MMEngine makes without need for each checkpoint."""
    message = record.getMessage()
    return not message.startswith(('"FileClient"', '"HardDiskBackend"'))
