import errno
import subprocess

import pytest

from mmroi.fileio.atomic import WriteError
from mmroi.fileio.output_folders import check_folder, own_folder


@pytest.fixture
def mount(tmp_path):
    """``mount(options)`` mounts a small file system, which only root may do."""
    folder = tmp_path / 'disk'
    folder.mkdir()

    def run(options):
        command = ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)]
        try:
            if subprocess.run(command, capture_output=True).returncode:
                pytest.skip('only root may mount')
        except FileNotFoundError:
            pytest.skip('there is no mount')
        return folder

    yield run
    subprocess.run(['umount', '-q', str(folder)], capture_output=True)


def test_a_folder_is_made_and_left_empty(tmp_path):
    check_folder(tmp_path / 'a' / 'b', '--out')
    assert list((tmp_path / 'a' / 'b').iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(WriteError, match=rf'folder {folder}: .*you may write to \(--out\)$'):
            check_folder(folder, '--out')


def test_a_read_only_disk(mount):
    folder = mount('ro,size=64k')
    for place in (folder, folder / 'new'):
        with pytest.raises(WriteError, match=rf'{place}: Read-only file system; choose a folder that'):
            check_folder(place, '--out')


def test_a_full_disk_before_the_work_and_during_it(mount):
    folder = mount('size=64k')
    message = rf'{folder}: No space left on device; free space, .* \(--out\)$'
    with pytest.raises(WriteError, match=message) as caught, own_folder(folder, '--out'):
        (folder / 'big').write_bytes(bytes(1 << 20))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(WriteError, match=message):
        check_folder(folder, '--out')
    assert [path.name for path in folder.iterdir()] == ['big']


def test_other_errors_pass(tmp_path):
    with pytest.raises(OSError, match='of another disk'), own_folder(tmp_path, '--out'):
        raise OSError(errno.ENOSPC, 'of another disk')
    with pytest.raises(FileNotFoundError), own_folder(tmp_path, '--out'):
        (tmp_path / 'absent').read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_wrote_nothing_leaves_no_folder(tmp_path):
    with own_folder(tmp_path / 'a' / 'b', '--out'):
        pass
    assert not any(tmp_path.iterdir())


def test_one_run_at_a_time(tmp_path):
    with own_folder(tmp_path, '--out'):
        with pytest.raises(RuntimeError, match=rf'another run writes into {tmp_path}.*\(--out\)'):
            with own_folder(tmp_path, '--out'):
                pass
    with own_folder(tmp_path, '--out'):
        pass
