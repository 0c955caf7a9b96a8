import pytest
from mmengine.config import Config

from mmroi.engine.epochs import check_iterations, read_epochs, set_epochs
from mmroi.engine.pipelines import load_config


def config(*schedulers, **train_cfg):
    return Config(dict(train_cfg=train_cfg, param_scheduler=list(schedulers)))


@pytest.mark.parametrize(
    'before, after',
    [
        (dict(total_steps=20), dict(total_steps=30)),
        (dict(T_max=20, by_epoch=True), dict(T_max=30, by_epoch=True)),
        (dict(begin=5, T_max=15, end=20), dict(begin=5, T_max=25, end=30)),
        (dict(begin=0, end=5), dict(begin=0, end=5)),  # a warm-up
        (dict(T_max=20, by_epoch=False), dict(T_max=20, by_epoch=False)),  # iterations
        (dict(milestones=[10, 15]), dict(milestones=[10, 15])),
    ],
)
def test_schedulers_end_with_the_training(before, after):
    cfg = config(before, max_epochs=20)
    set_epochs(cfg, 30)
    assert cfg.param_scheduler == [after] and read_epochs(cfg) == 30


def test_one_scheduler_or_several_by_name_or_none():
    for schedulers in (None, [], dict(T_max=20), dict(encoder=[dict(T_max=20)], head=dict(T_max=20))):
        cfg = Config(dict(train_cfg=dict(max_epochs=20), param_scheduler=schedulers))
        set_epochs(cfg, 3)
        assert read_epochs(cfg) == 3 and '20' not in str(cfg.param_scheduler)


def test_a_child_without_schedulers(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(
        "_base_ = 'mmroi::_base_/schedules/adamw_one-cycle.py'\nmax_epochs = 3\nparam_scheduler = None\n"
    )
    cfg = load_config(path)
    assert read_epochs(cfg) == 3 and cfg.param_scheduler is None


def test_loop_and_schedulers_that_differ():
    """Whoever inherits ``max_epochs = 5`` and sets ``train_cfg`` alone."""
    with pytest.raises(
        ValueError, match='max_epochs = 5 cannot replace train_cfg.max_epochs = 1 .*OneCycleLR'
    ):
        set_epochs(config(dict(type='OneCycleLR', total_steps=20), max_epochs=1), 5)
    for epochs in (1, 20):  # what one of them has
        cfg = config(dict(total_steps=20), max_epochs=1)
        set_epochs(cfg, epochs)
        assert read_epochs(cfg) == epochs and cfg.param_scheduler[0].total_steps == 20


def test_a_loop_that_does_not_count_epochs():
    for cfg in (config(max_iters=100), Config(dict(train_cfg=None)), Config()):
        with pytest.raises(ValueError, match='train_cfg has no max_epochs'):
            set_epochs(cfg, 5)


def test_a_training_needs_an_iteration(make_runner, loader):
    runner = make_runner(train_loader=loader(batch_size=8, drop_last=True))
    with pytest.raises(
        ValueError, match=r'6 samples for 1 process.* batches of 8.*train_dataloader.batch_size'
    ):
        check_iterations(runner.train_dataloader, runner.world_size)
    check_iterations(make_runner(train_loader=loader(batch_size=8)).train_dataloader)
    check_iterations(make_runner(train_loader=loader(batch_size=6, drop_last=True)).train_dataloader)
