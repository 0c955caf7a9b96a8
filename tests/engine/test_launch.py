import argparse

import pytest

from mmroi.engine import launch


def args(config, **changes):
    values = dict(
        config=str(config), cfg_options={}, body_model=None, work_dir=None, launcher='none', local_rank=0
    )
    return argparse.Namespace(**{**values, **changes})


def test_config_with_options(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text('a = dict(b=1)')
    cfg = launch.read_runner_config(args(path, cfg_options={'a.b': 2}))
    assert (cfg.a.b, cfg.work_dir, cfg.launcher) == (2, 'work_dirs/tiny', 'none')
    assert launch.read_runner_config(args(path, work_dir='elsewhere')).work_dir == 'elsewhere'


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='config .*nothing.py does not exist'):
        launch.read_runner_config(args(tmp_path / 'nothing.py'))
    with pytest.raises(FileNotFoundError, match='checkpoint .*nothing.pth does not exist'):
        launch.existing_file(str(tmp_path / 'nothing.pth'))
