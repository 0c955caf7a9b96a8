import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mmroi.fileio import atomic
from mmroi.fileio.atomic import WriteError, atomic_write


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


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_full_disk_names_the_file_and_what_is_kept(tmp_path: Path, number: int) -> None:
    path = tmp_path / 'a.txt'
    for old, kept in ((None, 'nothing of it is left'), ('old', 'the file that was there is kept')):
        if old:
            path.write_text(old)
        with pytest.raises(WriteError) as caught, atomic_write(path) as temporary:
            temporary.write_text('half')
            raise OSError(number, os.strerror(number))
        assert str(caught.value).startswith(f'cannot write {path}: {os.strerror(number)}; {kept}; ')
        assert caught.value.errno == number
        assert path.exists() == bool(old) and len(list(tmp_path.iterdir())) == bool(old)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # from worker processes


def test_a_place_that_takes_no_files(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('x')
    (tmp_path / 'folder').mkdir()
    for path in (tmp_path / 'file' / 'a.txt', tmp_path / 'file' / 'new' / 'a.txt', tmp_path / 'folder'):
        with pytest.raises(WriteError, match=f'^cannot write {path}: .*; choose a place that you may write'):
            with atomic_write(path) as temporary:
                temporary.touch()
    with pytest.raises(WriteError, match='shorter name'), atomic_write(tmp_path / ('a' * 300)) as temporary:
        temporary.touch()
    with atomic_write(tmp_path / ('a' * 255)) as temporary:  # the longest name that is possible
        temporary.touch()


def test_errors_of_reading_other_files_are_not_those_of_writing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='absent'), atomic_write(tmp_path / 'a.txt') as temporary:
        temporary.write_text((tmp_path / 'absent').read_text())
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path / 'new' / 'a.txt'):
        Path(__file__).parent.read_text()


WRITER = """
import sys, time
from mmroi.fileio import atomic
from mmroi.fileio.atomic import WriteError, atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text('half')
    print('writing', flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, '_LEFTOVER_AGE', -1)
    running, killed = (
        subprocess.Popen(
            [sys.executable, '-c', WRITER, tmp_path / name], stdout=subprocess.PIPE, env=dict(os.environ)
        )
        for name in ('running.txt', 'killed.txt')
    )
    for process in (running, killed):
        process.stdout.readline()
    killed.kill()
    killed.wait()
    assert len(list(tmp_path.iterdir())) == 2 and not (tmp_path / 'killed.txt').exists()
    with atomic_write(tmp_path / 'other.txt') as temporary:
        temporary.touch()
    left = sorted(path.name for path in tmp_path.rglob('*'))
    assert len(left) == 3 and left[1:] == ['other.txt', 'running.txt']  # still being written
    running.kill()
    running.wait()
