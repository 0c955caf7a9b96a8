import re

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


def test_bars_of_training_and_validation(make_runner, loader, capfd):
    train(make_runner, loader, ProgressBarHook(enabled=True))
    drawn = capfd.readouterr().err
    assert re.search(r'train: 100%.* 6/6 .*epoch 2/2, loss [\d.e-]+', drawn)
    assert re.search(r'val: .* 0/3 ', drawn)


def test_bar_of_a_resumed_run_starts_where_it_stopped(make_runner, tmp_path, capfd):
    make_runner(tmp_path / 'run', max_epochs=1).train()
    hook = ProgressBarHook(enabled=True)
    make_runner(tmp_path / 'run', max_epochs=3, resume=True, custom_hooks=[hook]).train()
    drawn = capfd.readouterr().err
    assert re.search(r'train:  33%.* 3/9 ', drawn)
    assert '0/9' not in drawn


def test_quiet_without_a_terminal(make_runner, loader, capfd):
    train(make_runner, loader, ProgressBarHook())
    assert 'train:' not in capfd.readouterr().err
