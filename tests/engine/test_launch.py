import argparse

import pytest

from mmroi.engine import launch
from mmroi.utils.errors import UserError


def args(config, **changes):
    values = dict(
        config=str(config), cfg_options={}, body_model=None, work_dir=None, launcher='none', local_rank=0
    )
    return argparse.Namespace(**{**values, **changes})


def test_config_with_options(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text("a = dict(b=1)\nmodel = dict(type='MeshEstimator')")
    cfg = launch.read_runner_config(args(path, cfg_options={'a.b': 2}))
    assert (cfg.a.b, cfg.work_dir, cfg.launcher) == (2, 'work_dirs/tiny', 'none')
    assert launch.read_runner_config(args(path, work_dir='elsewhere')).work_dir == 'elsewhere'


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='config .*nothing.py does not exist'):
        launch.read_runner_config(args(tmp_path / 'nothing.py'))
    with pytest.raises(FileNotFoundError, match='checkpoint .*nothing.pth does not exist'):
        launch.existing_file(str(tmp_path / 'nothing.pth'))
    (tmp_path / 'folder').mkdir()
    with pytest.raises(FileNotFoundError, match='checkpoint .*folder is a folder; give a file in it'):
        launch.existing_file(str(tmp_path / 'folder'))


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('a.py', 'b = 1', 'a.py has no `model`'),
        ('a.json', '{"model": [', 'a.json cannot be parsed'),
        ('a.yml', 'model: [', 'a.yml cannot be parsed'),
        ('a.pth', 'model', 'a.pth is no config: a config ends in .py, .json'),
        (
            'a.py',
            "model = dict(type='A')\noptim_wrapper = dict(optimizer=dict(type='Adamm'))",
            r"no optimizer 'Adamm' \(optim_wrapper.optimizer.type\); did you mean 'Adam",
        ),
        (
            'a.py',
            "model = dict(type='A')\nval_dataloader = dict(batch_size='two')",
            "val_dataloader.batch_size must be an integer of at least 1, not 'two'",
        ),
        (
            'a.py',
            'train_dataloader = dict(batch_size=2, num_workers=-1)',
            'num_workers must be .* at least 0',
        ),
    ],
)
def test_faults_of_a_config_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        launch.read_runner_config(args(tmp_path / name))
