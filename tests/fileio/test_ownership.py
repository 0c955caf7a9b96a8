import os

import pytest

from mmroi.fileio.ownership import is_own


@pytest.fixture
def files(tmp_path):
    for name in ('original', 'copy'):
        (tmp_path / name).touch()
    (tmp_path / 'folder').mkdir()
    return tmp_path


@pytest.mark.parametrize('name', ['copy', 'folder'])
def test_own_files_that_others_cannot_write(files, name):
    path = files / name
    assert is_own(path, files / 'original')
    path.chmod(0o775)
    assert is_own(path, files / 'original')
    path.chmod(0o777)
    assert not is_own(path, files / 'original')


def test_users(files, monkeypatch):
    me = (files / 'copy').stat().st_uid
    monkeypatch.setattr(os, 'geteuid', lambda: me + 1)
    assert is_own(files / 'copy', files / 'original')  # of the owner of the original
    if me == 0:
        os.chown(files / 'original', 77, -1)
        assert is_own(files / 'copy', files / 'original')  # of root
        os.chown(files / 'copy', 78, -1)
        assert not is_own(files / 'copy', files / 'original')
        os.chown(files / 'copy', 77, -1)
        assert is_own(files / 'copy', files / 'original')


def test_neither_files_nor_folders(files):
    (files / 'link').symlink_to(files / 'copy')
    os.mkfifo(files / 'pipe')
    for name in ('link', 'pipe', 'absent'):
        assert not is_own(files / name, files / 'original')
