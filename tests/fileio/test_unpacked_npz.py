import multiprocessing
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmroi.fileio import HumanData, locking, unpacked_npz
from mmroi.fileio.unpacked_npz import UnpackedNpz

from ..conftest import FUZZ_CASES


class _Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.fixture(autouse=True)
def _unpack_small_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unpacked_npz, 'UNPACK_FROM', 1)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))


def _members() -> dict:
    rng = np.random.default_rng(0)
    return dict(
        image_path=np.array(['a.jpg', 'longer.jpg']),
        config='h36m',
        number=3,
        empty=np.zeros((0, 3)),
        points=np.asfortranarray(rng.normal(size=(2, 5))),
        smpl=dict(
            betas=rng.normal(size=(2, 10)),
            note='x',
            nested=dict(a=np.ones(2)),
            names=['m', 'f'],
            none=None,
            objects=np.array([[1], None], dtype=object),
        ),
        ragged=np.array([[1], [2, 3]], dtype=object),
    )


def _write(path: Path, compress: bool = True, **members: object) -> Path:
    (np.savez_compressed if compress else np.savez)(path, **(members or _members()))
    return path


@pytest.mark.parametrize('compress', [False, True])
def test_gives_what_the_file_holds(tmp_path: Path, compress: bool) -> None:
    path = _write(tmp_path / 'a.npz', compress)
    for _ in range(2):  # the second time from the copy
        file, expected = UnpackedNpz(path), _members()
        assert file.keys() == list(expected)
        smpl, expected_smpl = file.read('smpl').item(), expected.pop('smpl')
        assert list(smpl) == list(expected_smpl)
        for name, value in expected_smpl.items():
            if name != 'nested':
                np.testing.assert_array_equal(smpl[name], value)
        np.testing.assert_array_equal(smpl['nested']['a'], 1)
        for key, value in expected.items():
            read = file.read(key)
            assert read.dtype == np.asarray(value).dtype
            np.testing.assert_array_equal(read, value)
    assert (tmp_path / 'a.npz.cache').exists()


@pytest.mark.parametrize('compress', [False, True])
def test_every_array_is_mapped(tmp_path: Path, compress: bool) -> None:
    file = UnpackedNpz(_write(tmp_path / 'a.npz', compress))
    for array in (file.read('points'), file.read('image_path'), file.read('smpl').item()['betas']):
        assert not array.flags.owndata and not array.flags.writeable
    values = file.read('points').copy()
    file.release()
    np.testing.assert_array_equal(file.read('points'), values)


@pytest.mark.parametrize('values', [['m', 'female'], [0, 1], [0.5, 1.0], [True, False]], ids=repr)
def test_long_lists_of_a_dictionary_are_mapped_as_arrays(tmp_path: Path, values: list) -> None:
    """A list of a million words takes seconds to unpickle in each process, and memory of its own."""
    short, long = values * 10, values * 600
    meta = dict(short=short, long=long, mixed=[*long, None], nested=[long], huge=[2**70] * 1200)
    path = _write(tmp_path / 'a.npz', meta=np.array(meta, object))
    read = UnpackedNpz(path).read('meta').item()
    assert read['short'] == short and read['mixed'] == meta['mixed'] and read['nested'] == [long]
    assert read['huge'] == meta['huge']
    assert read['long'].dtype == np.array(values).dtype and not read['long'].flags.owndata
    assert read['long'].tolist() == long


def test_large_pickles_are_unpacked_before_large_arrays(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(unpacked_npz, 'UNPACK_FROM', 1 << 20)
    monkeypatch.setattr(unpacked_npz, 'UNPACK_PICKLES_FROM', 5000)
    UnpackedNpz(_write(tmp_path / 'a.npz', points=np.zeros(9000), meta=np.array(dict(a='x' * 4000), object)))
    assert not (tmp_path / 'a.npz.cache').exists()
    UnpackedNpz(_write(tmp_path / 'a.npz', meta=np.array(dict(a='x' * 6000), object)))
    assert (tmp_path / 'a.npz.cache').exists()


def test_copy_is_made_once_and_follows_the_content_of_the_file(tmp_path: Path) -> None:
    path, cache = _write(tmp_path / 'a.npz'), tmp_path / 'a.npz.cache'
    UnpackedNpz(path)
    first = cache.stat()
    shutil.copy(path, tmp_path / 'b')
    os.replace(tmp_path / 'b', path)  # another date, the same content
    UnpackedNpz(path)
    assert cache.stat().st_ino == first.st_ino and cache.stat().st_mtime_ns == first.st_mtime_ns
    _write(path, points=np.full((2, 5), 7.0))
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), 7)
    cache.write_bytes(cache.read_bytes()[:-5])  # cut off
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), 7)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a.npz', 'a.npz.cache']


def test_small_files_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked_npz, 'UNPACK_FROM', 1 << 20)
    assert UnpackedNpz(_write(tmp_path / 'a.npz')).read('number') == 3
    assert [p.name for p in tmp_path.iterdir()] == ['a.npz']


def test_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'data').mkdir()
    path = _write(tmp_path / 'data' / 'a.npz')
    write = unpacked_npz.atomic_write

    def refuse(place: Path):  # a folder's permissions do not bind root, who may run this
        if place.is_relative_to(refused):
            raise PermissionError(13, 'Permission denied')
        return write(place)

    monkeypatch.setattr(unpacked_npz, 'atomic_write', refuse)
    refused = tmp_path
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), _members()['points'])
    refused = tmp_path / 'data'
    assert not UnpackedNpz(path).read('points').flags.owndata
    assert [p.name for p in (tmp_path / 'data').iterdir()] == ['a.npz']
    (copy,) = (tmp_path / 'home' / 'mmroi').iterdir()
    assert copy.name.endswith('-a.npz.cache')


def test_malicious_and_damaged_members_leave_no_copy(tmp_path: Path) -> None:
    trace = tmp_path / 'trace'
    path = _write(tmp_path / 'a.npz', points=np.zeros(9), smpl=np.array(dict(betas=_Payload(trace)), object))
    with pytest.raises(pickle.UnpicklingError, match=r"a\.npz: refused to unpickle 'smpl'"):
        UnpackedNpz(path)
    assert not trace.exists()
    _write(path, points=np.random.default_rng(0).normal(size=1000))
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[0]
    content = bytearray(path.read_bytes())
    content[info.header_offset + 4000 : info.header_offset + 4040] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz: 'points' cannot be read .* damaged"):
        UnpackedNpz(path)
    assert [p.name for p in tmp_path.iterdir()] == ['a.npz']


@pytest.mark.skipif(locking.fcntl is None, reason='without locks each process makes its own')
def test_processes_that_start_together_make_one_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = _write(tmp_path / 'a.npz'), unpacked_npz.atomic_write
    (tmp_path / 'log').touch()

    def note_and_write(place: Path):
        with open(tmp_path / 'log', 'a') as log:
            log.write('x')
        return write(place)

    monkeypatch.setattr(unpacked_npz, 'atomic_write', note_and_write)
    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=UnpackedNpz, args=(path,)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert (tmp_path / 'log').read_text() == 'x'
    assert [process.exitcode for process in processes] == [0] * 6


def _private_bytes_of_reading(human_data: HumanData, results: multiprocessing.Queue) -> None:
    """Bytes that this process has for itself after it has read every label, and bytes it shares."""

    def memory() -> tuple[int, int]:
        lines = dict(line.split(':') for line in Path('/proc/self/smaps_rollup').read_text().splitlines()[1:])
        own = sum(int(lines[key].split()[0]) for key in ('Private_Dirty', 'Anonymous'))
        return own << 10, int(lines['Rss'].split()[0]) << 10

    before = memory()
    total = float(human_data['keypoints2d'].sum() + human_data['smpl']['body_pose'].sum())
    after = memory()
    results.put((after[0] - before[0], after[1] - before[1], total))


@pytest.mark.skipif(not Path('/proc/self/smaps_rollup').exists(), reason='reads the memory maps of Linux')
@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_loader_workers_share_the_labels(tmp_path: Path, method: str) -> None:
    """Reading 40 MB of labels costs a worker no memory of its own, however it was started."""
    rows = 30_000
    rng = np.random.default_rng(0)
    labels = dict(
        image_path=['a'] * rows,
        keypoints2d=rng.normal(size=(rows, 35, 3)),
        smpl=dict(body_pose=rng.normal(size=(rows, 23, 3))),
    )
    HumanData(labels).dump(tmp_path / 'a.npz', compress=True)
    human_data = HumanData.fromfile(tmp_path / 'a.npz')
    human_data['keypoints2d'], human_data['smpl']
    assert len(pickle.dumps(human_data)) < 10_000
    context = multiprocessing.get_context(method)
    results = context.Queue()
    worker = context.Process(target=_private_bytes_of_reading, args=(human_data, results))
    worker.start()
    own, resident, total = results.get(timeout=60)
    worker.join()
    assert total == pytest.approx(labels['keypoints2d'].sum() + labels['smpl']['body_pose'].sum())
    size = labels['keypoints2d'].nbytes + labels['smpl']['body_pose'].nbytes
    assert size > 40e6 and resident > 0.9 * size
    assert own < 0.1 * size


def test_copies_of_others_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache = _write(tmp_path / 'a.npz'), tmp_path / 'a.npz.cache'
    UnpackedNpz(path)
    other = _write(tmp_path / 'b.npz', points=np.full((2, 5), 7.0))
    with zipfile.ZipFile(cache) as archive:
        comment = archive.comment
    UnpackedNpz(other)
    with zipfile.ZipFile(tmp_path / 'b.npz.cache', 'a') as archive:
        archive.comment = comment  # a copy that claims to be of the first file
    os.replace(tmp_path / 'b.npz.cache', cache)
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), _members()['points'])
    assert cache.stat().st_size > 0 and not (tmp_path / 'home').exists()

    cache.chmod(0o666)  # anyone may have written it
    before = cache.read_bytes()
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), _members()['points'])
    assert cache.read_bytes() == before and len(list((tmp_path / 'home' / 'mmroi').iterdir())) == 1
    cache.chmod(0o644)

    monkeypatch.setattr(unpacked_npz, 'is_own', lambda place, original: place != cache)
    shutil.rmtree(tmp_path / 'home')
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), _members()['points'])
    assert cache.read_bytes() == before and len(list((tmp_path / 'home' / 'mmroi').iterdir())) == 1


def test_a_copy_that_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / 'a.npz')
    monkeypatch.setattr(unpacked_npz.shutil, 'disk_usage', lambda folder: shutil._ntuple_diskusage(9, 9, 100))
    np.testing.assert_array_equal(UnpackedNpz(path).read('points'), _members()['points'])
    assert [p.name for p in tmp_path.iterdir()] == ['a.npz']


def test_a_full_disk_while_unpacking(tmp_path: Path, small_disk) -> None:
    path = _write(tmp_path / 'a.npz', points=np.zeros(9000))
    with small_disk(4096):
        np.testing.assert_array_equal(UnpackedNpz(path).read('points'), 0)
    left = [p.name for p in tmp_path.rglob('*') if p.is_file()]
    assert left == ['a.npz']


def test_a_file_that_changes_while_it_is_used(tmp_path: Path) -> None:
    path, cache = _write(tmp_path / 'a.npz'), tmp_path / 'a.npz.cache'
    file = UnpackedNpz(path)
    file.read('points')
    shutil.copy(cache, tmp_path / 'new')
    os.replace(tmp_path / 'new', cache)  # the same, made again
    file.check_unchanged()
    with open(cache, 'rb+') as out:
        out.truncate(100)
    file.check_unchanged()  # it is another file than the one in use
    file = UnpackedNpz(path)
    file.read('points')
    with open(cache, 'rb+') as out:
        out.truncate(100)
    with pytest.raises(ValueError, match=r'a\.npz\.cache: was replaced or changed'):
        file.check_unchanged()
    _write(path, points=np.zeros(3))
    with pytest.raises(ValueError, match=r'a\.npz: was replaced or changed'):
        file.check_unchanged()


@pytest.mark.parametrize('which', ['a.npz', 'a.npz.cache'])
def test_damaged_files_are_read_right_or_named(tmp_path: Path, mutate, which: str) -> None:
    path, damaged = _write(tmp_path / 'a.npz'), tmp_path / which
    UnpackedNpz(path)
    content = damaged.read_bytes()
    for seed in range(FUZZ_CASES):
        damaged.write_bytes(mutate(content, seed))
        try:
            file = UnpackedNpz(path)
            found = file.read('points')
        except (ValueError, KeyError, pickle.UnpicklingError) as error:
            assert which == 'a.npz' or str(path) in str(error), seed
        else:
            np.testing.assert_array_equal(found, _members()['points'])
