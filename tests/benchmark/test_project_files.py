"""Configs, tools, and checkpoints in a checkout and in an installed package."""

import pytest

from mmroi.benchmark import project_files
from mmroi.utils import installation


def test_the_first_root_that_has_the_file_counts(tmp_path, monkeypatch):
    checkout, installed = tmp_path / 'checkout', tmp_path / 'mmroi' / '.mim'
    monkeypatch.setattr(installation, 'ROOTS', (checkout, installed))
    for root, name in (
        (installed, 'tools/train.py'),
        (installed, 'configs/a/b.py'),
        (checkout, 'configs/a/b.py'),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    assert installation.find_file('tools/train.py') == installed / 'tools/train.py'
    assert project_files.find_config('a/b.py') == checkout / 'configs/a/b.py'
    own = tmp_path / 'own.py'
    own.touch()
    assert project_files.find_config(str(own)) == own
    with pytest.raises(FileNotFoundError, match=r'configs/c.py is neither in .*checkout nor in .*\.mim'):
        project_files.find_config('c.py')
