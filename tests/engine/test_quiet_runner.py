"""The console shows warnings, and the progress of a training; the log file has everything."""

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


def test_a_training_shows_its_progress(tmp_path, capsys):
    # by default the time, to the second, which runners of one process may share
    name = dict(experiment_name='progress')
    runner = QuietRunner(model=nn.Linear(1, 1), work_dir=str(tmp_path), default_scope='mmroi', **name)
    runner._hooks = []
    runner.logger.info('weights of each parameter')
    runner.call_hook('before_test')
    runner.logger.info('still a test')
    runner.call_hook('before_train')
    runner.logger.info('Epoch(train) 1')
    runner.logger.info('Exp name: mine')
    shown = capsys.readouterr().out
    assert [line.partition('INFO - ')[2] for line in shown.splitlines()] == ['Epoch(train) 1']
    (log,) = Path(runner.log_dir).glob('*.log')
    assert all(words in log.read_text() for words in ('each parameter', 'still a test', 'Exp name: mine'))
