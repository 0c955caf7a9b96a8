"""Progress bars of training, validation and test."""

import atexit
import logging
import sys
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmroi.registry import HOOKS
from mmroi.utils import ProgressBar


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Show one bar for the whole training, with loss and remaining time, and one for each validation or test.

    Only the main process draws, and by default only on a terminal, where the lines of ``LoggerHook`` scroll
    above the bar.

    Args:
        enabled: Draw bars; None draws them if standard error is a terminal.
    """

    priority = 'LOW'

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled
        self._bars: dict[str, ProgressBar] = {}

    def _open(self, runner: Runner, mode: str, total: int, done: int = 0) -> None:
        if not (self.enabled and is_main_process()):
            return
        bar = ProgressBar(
            total,
            description=mode,
            completed=done,
            disable=False,
            transient=mode != 'train',
            loggers=[logging.getLogger(), runner.logger],
        )
        self._bars[mode] = bar.__enter__()
        # Nothing closes the bars of an interrupted run, and the terminal's cursor would stay hidden.
        atexit.register(bar.close)

    def _advance(self, mode: str, status: str | None = None) -> None:
        if mode in self._bars:
            self._bars[mode].advance(status=status)

    def _close(self, mode: str) -> None:
        if mode in self._bars:
            bar = self._bars.pop(mode)
            bar.close()
            atexit.unregister(bar.close)

    def before_train(self, runner: Runner) -> None:
        self._open(runner, 'train', runner.max_iters, runner.iter)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        if 'train' in self._bars:
            loss = f'{outputs["loss"].item():.4g}' if outputs and 'loss' in outputs else '-'
            self._advance('train', f'epoch {runner.epoch + 1}/{runner.max_epochs}, loss {loss}')

    def after_train(self, runner: Runner) -> None:
        self._close('train')

    def before_val_epoch(self, runner: Runner) -> None:
        self._open(runner, 'val', len(runner.val_dataloader))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: list[Any] | None = None,
    ) -> None:
        self._advance('val')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._close('val')

    def before_test_epoch(self, runner: Runner) -> None:
        self._open(runner, 'test', len(runner.test_dataloader))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: list[Any] | None = None,
    ) -> None:
        self._advance('test')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._close('test')
