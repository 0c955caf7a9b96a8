import pytest
from mmengine.config import Config

from mmroi.engine.pipelines import expand_numbers

PIPELINE = [dict(type='GetPersonBox'), dict(type='MultiRoICrop', num_rois=5)]


def test_no_training_starts_with_numbers_that_were_not_expanded(make_runner):
    runner = make_runner(custom_hooks=[dict(type='ConfigCheckHook')], max_epochs=1)
    runner.cfg = Config(dict(num_rois=3, test_dataloader=dict(dataset=dict(pipeline=PIPELINE))))
    with pytest.raises(ValueError, match='num_rois = 3'):
        runner.train()
    expand_numbers(runner.cfg)
    runner.train()
    assert runner.epoch == 1


def test_hooks_of_a_users_config_do_not_replace_the_check(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'mmroi::_base_/default_runtime.py'\ncustom_hooks = [dict(type='EMAHook')]\n")
    cfg = Config.fromfile(path)
    assert 'ConfigCheckHook' in [hook['type'] for hook in cfg.default_hooks.values()]
    assert [hook['type'] for hook in cfg.custom_hooks] == ['EMAHook']
