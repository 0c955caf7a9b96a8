import os
import pty
import re
import subprocess
import sys

from mmengine.evaluator import BaseMetric

from mmroi.engine import ProgressBarHook


class Count(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(count=len(results))


def train(make_runner, loader, hook):
    runner = make_runner(
        custom_hooks=[hook], max_epochs=2, val_dataloader=loader(), val_cfg=dict(), val_evaluator=[Count()]
    )
    runner.train()


def test_bars_of_training_and_validation(make_runner, loader, open_terminal):
    terminal = open_terminal()
    train(make_runner, loader, ProgressBarHook())
    drawn = terminal.getvalue()
    assert re.search(r'train .*6/6.*epoch 2/2, loss [\d.e-]+', drawn)
    assert re.search(r'val .*[0-3]/3', drawn)
    assert 'val' not in drawn.splitlines()[-1]  # only the bar of the training stays


def test_bar_of_a_resumed_run_starts_where_it_stopped(make_runner, tmp_path, open_terminal):
    make_runner(tmp_path / 'run', max_epochs=1).train()
    terminal = open_terminal()
    hook = ProgressBarHook()
    make_runner(tmp_path / 'run', max_epochs=3, resume=True, custom_hooks=[hook]).train()
    drawn = terminal.getvalue()
    assert '3/9' in drawn and '9/9' in drawn and '0/9' not in drawn


def test_drawn_outside_a_terminal_only_if_enabled(make_runner, loader, capfd):
    train(make_runner, loader, ProgressBarHook())
    assert 'train' not in capfd.readouterr().err
    train(make_runner, loader, ProgressBarHook(enabled=True))
    assert re.search(r'train .* 6/6 ', capfd.readouterr().err)


def test_an_interrupted_run_shows_the_cursor_again():
    code = (
        'import logging, types; from mmroi.engine import ProgressBarHook; '
        'run = types.SimpleNamespace(max_iters=3, iter=0, logger=logging.getLogger("run")); '
        'ProgressBarHook().before_train(run); raise SystemExit(1)'
    )
    terminal, slave = pty.openpty()
    environment = {**os.environ, 'TERM': 'xterm'}
    process = subprocess.Popen([sys.executable, '-c', code], stderr=slave, env=environment)
    os.close(slave)
    drawn = b''
    try:
        while chunk := os.read(terminal, 4096):
            drawn += chunk
    except OSError:  # the process has ended
        pass
    os.close(terminal)
    assert process.wait() == 1
    hide, show = b'\x1b[?25l', b'\x1b[?25h'
    assert drawn.rfind(show) > drawn.rfind(hide) >= 0
