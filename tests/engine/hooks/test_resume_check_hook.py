import pytest
import torch

from mmroi.engine.hooks import AtomicCheckpointHook, EpochSeedHook, ResumeCheckHook


@pytest.fixture
def run(make_runner, tmp_path):
    """``run(max_epochs, ...)`` trains on in one folder; gives the runner and its warnings of settings."""

    def train(
        max_epochs, lr=0.1, scheduler=None, settings='checkpoint', folder='work', type='Adam', **optimizer
    ):
        work_dir = tmp_path / folder
        last = work_dir / 'last_checkpoint'
        runner = make_runner(
            work_dir,
            max_epochs=max_epochs,
            default_hooks=dict(resume=ResumeCheckHook(settings), checkpoint=AtomicCheckpointHook(1)),
            custom_hooks=[EpochSeedHook()],
            param_scheduler=scheduler,
            resume=last.is_file(),
            load_from=last.read_text() if last.is_file() else None,
        )
        runner.optim_wrapper['optimizer'] = dict(type=type, lr=lr, **optimizer)
        warnings = []
        runner.logger.warning = warnings.append
        runner.train()
        return runner, [text for text in warnings if 'resumed' in text]

    return train


def one_cycle(epochs):
    options = dict(eta_max=0.1, by_epoch=True, convert_to_iter_based=True)
    return dict(type='OneCycleLR', total_steps=epochs, **options)


def weights(runner):
    return torch.cat([p.detach().flatten() for p in runner.model.parameters()])


def test_says_nothing_where_nothing_has_changed(run, tmp_path):
    run(2, scheduler=dict(type='MultiStepLR', milestones=[1, 3]))
    (tmp_path / 'work' / 'last_checkpoint').write_text(str(tmp_path / 'work' / 'epoch_1.pth'))
    runner, warnings = run(2, scheduler=dict(type='MultiStepLR', milestones=[1, 3]))
    assert runner.iter == 6 and warnings == []


def test_a_changed_rate_is_named(run):
    run(1)
    runner, (warning,) = run(2, lr=0.02, betas=(0.9, 0.99))
    assert 'lr 0.1 of the checkpoint, 0.02 of the config' in warning
    assert 'betas (0.9, 0.999) of the checkpoint, (0.9, 0.99) of the config' in warning
    assert 'default_hooks.resume.settings=config' in warning and 'load_from' in warning
    assert runner.optim_wrapper.get_lr()['lr'] == [0.1]


def test_a_longer_schedule_is_named(run):
    run(1, scheduler=one_cycle(1))
    _, (warning,) = run(2, scheduler=one_cycle(2))
    assert 'total_steps 3 of the checkpoint, 6 of the config' in warning
    assert 'lr ' not in warning.split('. To use')[0].replace('OneCycleLR', '')


@pytest.mark.parametrize('settings', ['checkpoint', 'config'])
@pytest.mark.parametrize(
    ('first', 'second', 'missing'), [('Adam', 'SGD', 'momentum'), ('SGD', 'AdamW', 'betas, eps')]
)
def test_another_optimizer_is_named_before_the_first_step(run, settings, first, second, missing):
    run(1, type=first, scheduler=one_cycle(1))
    with pytest.raises(ValueError, match=f'of another optimizer than {second} .*{missing}.*load_from='):
        run(2, type=second, scheduler=one_cycle(1), settings=settings)


def test_settings_of_the_config(run):
    run(1)
    runner, warnings = run(2, lr=0.02, settings='config')
    assert runner.optim_wrapper.get_lr()['lr'] == [0.02]
    assert not warnings


@pytest.mark.parametrize(
    'scheduler',
    [one_cycle(3), [dict(type='LinearLR', end=2, by_epoch=False), dict(type='MultiStepLR', milestones=[2])]],
)
def test_schedules_of_the_config_go_on_where_they_would_be(run, scheduler):
    """After one epoch with another rate and no schedule, they are at the second epoch of their own."""
    run(1, lr=0.3)
    resumed, _ = run(3, scheduler=scheduler, settings='config')
    whole, _ = run(3, scheduler=scheduler, folder='whole')
    assert resumed.optim_wrapper.get_lr() == whole.optim_wrapper.get_lr()
    assert [s.last_step for s in resumed.param_schedulers] == [s.last_step for s in whole.param_schedulers]


def test_bad_settings():
    with pytest.raises(ValueError, match="'checkpoint' or 'config', not 'new'"):
        ResumeCheckHook('new')
