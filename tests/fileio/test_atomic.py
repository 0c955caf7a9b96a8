import os
import shutil
from pathlib import Path

import pytest

from mmroi.fileio.atomic import atomic_write, remove_leftovers


@pytest.mark.parametrize('fsync', [True, False])
def test_the_file_appears_when_it_is_complete(tmp_path: Path, fsync: bool) -> None:
    path = tmp_path / 'new' / 'folder' / 'a.txt'
    with atomic_write(path, fsync) as temporary:
        temporary.write_text('first half, ')
        assert not path.exists()
        with temporary.open('a') as file:
            file.write('second half')
    assert path.read_text() == 'first half, second half'
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_has_the_same_name_on_the_same_disk(tmp_path: Path) -> None:
    with atomic_write(str(tmp_path / 'a.tar.gz')) as temporary:  # formats are chosen by the suffix
        assert temporary.name == 'a.tar.gz' and temporary.parent.parent == tmp_path
        temporary.touch()


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(error), atomic_write(path) as temporary:
        temporary.write_text('half of the new')
        temporary.with_name('companion.txt').touch()
        raise error
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')
    for fsync in (True, False):
        with pytest.raises(FileNotFoundError), atomic_write(path, fsync):
            pass
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == 'nt', reason='permissions of POSIX')
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / 'plain').touch()
    with atomic_write(tmp_path / 'a.txt') as temporary:
        temporary.touch()
    assert (tmp_path / 'a.txt').stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    kept = tmp_path / '.epoch_1.pth.notes', tmp_path / '.epoch_1.pth.12345678', tmp_path / '.a.txt.abcdefgh'
    kept[0].mkdir()
    kept[1].touch()  # a file is not ours
    kept[2].mkdir()
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / 'epoch_1.pth') as temporary:
        temporary.write_text('half')
        shutil.copytree(temporary.parent, tmp_path / '.epoch_1.pth.abc_1234')  # what a kill would leave
        raise KeyboardInterrupt
    remove_leftovers(tmp_path, '*.pth')
    assert sorted(tmp_path.iterdir()) == sorted(kept)
