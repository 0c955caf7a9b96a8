"""Configs, tools, and checkpoints in a checkout and in an installed package."""

import pytest

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
    assert installation.find_file('configs/a/b.py') == checkout / 'configs/a/b.py'
    own = tmp_path / 'own.py'
    own.touch()
    assert installation.find_file(str(own)) == own == installation.resolve_file(own)
    with pytest.raises(FileNotFoundError, match=r'configs/c.py is neither in .*checkout nor in .*\.mim'):
        installation.resolve_file('configs/c.py')
