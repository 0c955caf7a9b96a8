"""How runs call the tools."""

import pytest

from mmroi.benchmark import profiles, run_pool, runs, suites


@pytest.mark.parametrize('profile', ['cpu', 'gpu-synthetic'])
def test_trainings_are_resumed_where_their_checkpoints_allow_it(profile, tmp_path, monkeypatch):
    """Of short trainings only the weights are kept; one of twice the epochs has them halfway, too."""
    (row,) = suites.load_suite('tuning').select(['cliff_16-epochs']).rows
    (run,) = runs.plan([row], [0], tmp_path)
    profile = profiles.load_profile(profile)
    (config,) = profiles.stage_configs(row, profile, 0).values()
    hook = config.default_hooks.checkpoint
    called = []
    monkeypatch.setattr(
        run_pool.RunPool, '_call', lambda pool, tool, *arguments, **_: called.append(arguments)
    )
    pool = run_pool.RunPool(profile, gpus=0, jobs=1, report=print)
    pool._train(run, 'train', config, None)
    assert config.train_cfg.max_epochs == 16
    assert (
        ('--resume' in called[0])
        == hook.get('save_optimizer', True)
        == (profile.title.endswith('GPU profile'))
    )
