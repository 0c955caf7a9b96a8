"""Progress bars."""

import logging
import shutil
import sys
from contextlib import ExitStack

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from mmroi.registry import HOOKS


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """One bar for the whole training, with loss and remaining time, and one for each validation or test.

    Bars are drawn by the main process on a terminal only. Elsewhere the lines of ``LoggerHook`` are the
    report; on a terminal they scroll above the bar.

    Args:
        enabled: Draw bars; None means: where standard error is a terminal.
    """

    priority = 'LOW'

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled
        self._bars: dict[str, tqdm] = {}
        self._redirection = ExitStack()

    def _open(self, runner: Runner, mode: str, total: int, done: int = 0) -> None:
        if not (self.enabled and is_main_process()):
            return
        if not self._bars:
            self._redirection.enter_context(logging_redirect_tqdm([logging.getLogger(), runner.logger]))
        size = shutil.get_terminal_size()  # 80x24 where there is none; tqdm would draw nothing
        self._bars[mode] = tqdm(
            total=total,
            initial=done,
            desc=mode,
            ncols=size.columns,
            nrows=size.lines,
            leave=mode == 'train',
            file=sys.stderr,
        )

    def _step(self, mode: str) -> None:
        if mode in self._bars:
            self._bars[mode].update()

    def _close(self, mode: str) -> None:
        if mode in self._bars:
            self._bars.pop(mode).close()
        if not self._bars:
            self._redirection.close()

    def before_train(self, runner: Runner) -> None:
        self._open(runner, 'train', runner.max_iters, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        if 'train' in self._bars:
            loss = f'{outputs["loss"].item():.4g}' if outputs and 'loss' in outputs else '-'
            epoch = f'epoch {runner.epoch + 1}/{runner.max_epochs}'
            self._bars['train'].set_postfix_str(f'{epoch}, loss {loss}', refresh=False)
        self._step('train')

    def after_train(self, runner: Runner) -> None:
        self._close('train')

    def before_val_epoch(self, runner: Runner) -> None:
        self._open(runner, 'val', len(runner.val_dataloader))

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        self._step('val')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._close('val')

    def before_test_epoch(self, runner: Runner) -> None:
        self._open(runner, 'test', len(runner.test_dataloader))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        self._step('test')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._close('test')
