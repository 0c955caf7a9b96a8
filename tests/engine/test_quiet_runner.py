"""The console of a test shows warnings and nothing else; the log file has both."""

import logging
from pathlib import Path

from mmengine.fileio import FileClient
from torch import nn

from mmroi.engine.quiet_runner import QuietRunner


def test_console_and_log_file(tmp_path, capsys):
    runner = QuietRunner(model=nn.Linear(1, 1), work_dir=str(tmp_path), default_scope='mmroi')
    runner.logger.info('the whole config')
    runner.logger.log(logging.WARNING, 'the open body')
    FileClient.infer_client(uri=str(tmp_path))  # as MMEngine's own hooks do, and then warns about
    shown = capsys.readouterr().out
    (log,) = Path(runner.log_dir).glob('*.log')
    assert 'the open body' in shown and 'the whole config' not in shown and 'deprecated' not in shown
    assert 'the whole config' in log.read_text() and 'the open body' in log.read_text()
