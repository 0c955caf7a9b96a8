"""Tar archives written by this project, by the tar of the system, and damaged ones."""

import io
import multiprocessing
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from mmroi.fileio import image_archives
from mmroi.fileio.image_archives import (
    UNKNOWN,
    ArchiveError,
    ImageArchive,
    expand_shards,
    image_stamp,
    split_archive,
)
from mmroi.fileio.image_packing import (
    find_unfinished,
    measure_images,
    pack_shard,
    plan_shards,
    shards_pattern,
)

from ..conftest import FUZZ_CASES

NAMES = ['a.jpg', 'S1/b c.jpg', 'ü/ß.jpg', f'{"d" * 120}/{"e" * 130}.jpg', 'f/' * 60 + 'f.jpg', 'empty.jpg']


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Files of random bytes, which is all that an archive knows of images."""
    rng = np.random.default_rng(0)
    for name in NAMES:
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'' if name == 'empty.jpg' else rng.bytes(int(rng.integers(1, 3000))))
    return tmp_path / 'images'


def _pack(images: Path, out: Path, shard_bytes: int = 1 << 30, names: list[str] = NAMES) -> str:
    shards = plan_shards(measure_images(names, images), out, shard_bytes)
    for shard in find_unfinished(shards, out):
        pack_shard(shard, images)
    return shards_pattern(shards, out)


@pytest.mark.parametrize('shard_bytes', [1, 3000, 1 << 30])
def test_members_are_the_files(images: Path, tmp_path: Path, shard_bytes: int) -> None:
    pattern = _pack(images, tmp_path / 'out', shard_bytes)
    archive = ImageArchive(pattern)
    assert len(archive) == len(NAMES) and len(archive.paths) == len(list(tmp_path.glob('out-*.tar')))
    assert (len(archive.paths) == 6) == (shard_bytes == 1)
    for name in reversed(NAMES):
        content = (images / name).read_bytes()
        assert archive.read(name) == archive.read(f'./{name}') == content
        assert archive.find(name).size == len(content)


def test_tar_lists_and_unpacks_them(images: Path, tmp_path: Path) -> None:
    path = _pack(images, tmp_path / 'out')
    if shutil.which('tar') is None:
        pytest.skip('no tar')
    (tmp_path / 'unpacked').mkdir()
    subprocess.run(['tar', 'xf', path, '-C', tmp_path / 'unpacked'], check=True)
    for name in NAMES:
        unpacked = tmp_path / 'unpacked' / name
        assert unpacked.read_bytes() == (images / name).read_bytes()
        assert int(unpacked.stat().st_mtime) == int((images / name).stat().st_mtime)


@pytest.mark.parametrize('format', [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_others(images: Path, tmp_path: Path, format: int) -> None:
    """As of `tar cf`: with folders, links, names that begin with ./, and a file that was added twice."""
    os.symlink('a.jpg', images / 'link.jpg')
    names = [name for name in NAMES if format != tarfile.USTAR_FORMAT or name[0] != 'd']
    with tarfile.open(tmp_path / 'a.tar', 'w', format=format) as archive:
        info = tarfile.TarInfo('./a.jpg')
        info.size = 3
        archive.addfile(info, io.BytesIO(b'old'))
        for name in ('S1', 'link.jpg', *names):
            archive.add(images / name, f'./{name}', recursive=False)
    for _ in range(2):  # the second time by the index that the first one has written
        found = ImageArchive(str(tmp_path / 'a.tar'))
        assert {name: found.read(name) for name in names} == {n: (images / n).read_bytes() for n in names}
        assert found.find('a.jpg').checksum == UNKNOWN and len(found) == len(names)
        for name in ('link.jpg', 'S1'):
            with pytest.raises(FileNotFoundError, match=f"a.tar has no member '{name}'"):
                found.read(name)
        assert (tmp_path / 'a.tar.index').exists()


def test_paths_into_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the same path names another archive elsewhere
    assert split_archive('x/coco-{00..12}.tar/a/b.jpg') == (f'{tmp_path}/x/coco-{{00..12}}.tar', 'a/b.jpg')
    assert split_archive('a.tar//b.tar/c.jpg') == (f'{tmp_path}/a.tar', 'b.tar/c.jpg')
    assert split_archive('a.tar') == split_archive('a.tar/') == (f'{tmp_path}/a.tar', '')
    assert split_archive('/a.tar/../b.jpg') == ('/a.tar', '../b.jpg')
    for path in ('a/b.jpg', 'a.tar.jpg', 'a.target/b.jpg', 'a.jpg', ''):
        assert split_archive(path) is None
    (tmp_path / 'folder.tar').mkdir()
    assert split_archive(str(tmp_path / 'folder.tar' / 'b.jpg')) is None


def test_shards() -> None:
    assert [path.name for path in expand_shards('a-{008..011}.tar')] == [
        'a-008.tar',
        'a-009.tar',
        'a-010.tar',
        'a-011.tar',
    ]
    assert expand_shards('b/a.tar') == [Path('b/a.tar')]
    for wrong in ('a-{3..2}.tar', 'a-{0..99999999}.tar'):
        with pytest.raises(ValueError, match=r'the range of shards \{\d\.\.\d+\} must rise'):
            expand_shards(wrong)


def _change(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) == 1 and len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def test_damaged_members_are_named(images: Path, tmp_path: Path) -> None:
    path = Path(_pack(images, tmp_path / 'out'))
    content = (images / 'a.jpg').read_bytes()
    _change(path, content, content[:-1] + bytes([content[-1] ^ 1]))
    archive = ImageArchive(str(path))
    with pytest.raises(
        ArchiveError, match=r"out-00000\.tar: the member 'a\.jpg' is damaged: its checksum"
    ) as error:
        archive.read('a.jpg')
    assert 'mmroi pack-images' in str(error.value)
    assert archive.read('S1/b c.jpg') == (images / 'S1/b c.jpg').read_bytes()


def test_missing_members_and_archives_are_named(images: Path, tmp_path: Path) -> None:
    pattern = _pack(images, tmp_path / 'out', 1)
    with pytest.raises(
        FileNotFoundError, match=r"out-\{00000\.\.00005\}\.tar has no member 'z\.jpg'\. Check"
    ):
        ImageArchive(pattern).read('z.jpg')
    (tmp_path / 'out-00003.tar').unlink()
    with pytest.raises(
        FileNotFoundError, match=r'out-00003\.tar: no such image archive, and 0 more of .*copy'
    ):
        ImageArchive(pattern)


def test_archives_that_do_not_fit_their_index(images: Path, tmp_path: Path) -> None:
    path = Path(_pack(images, tmp_path / 'out'))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1024])
    with pytest.raises(
        ArchiveError, match=r'out-00000\.tar has \d+ bytes, and \d+ by .*copy the archive again'
    ):
        ImageArchive(str(path))
    path.write_bytes(whole)
    archive = ImageArchive(str(path))
    path.write_bytes(whole[:600])  # while it is in use
    with pytest.raises(ArchiveError, match=r"'a\.jpg' ends after 88 of \d+ bytes"):
        archive.read('a.jpg')
    other = _pack(images, tmp_path / 'other', names=NAMES[::-1])
    assert Path(other).stat().st_size == len(whole)
    path.write_bytes(Path(other).read_bytes())  # of the same size and other order
    for name in NAMES:
        with pytest.raises(ArchiveError, match=r'out-00000\.tar: the member .* (has no header|is) '):
            archive.read(name)
    path.with_name('out-00000.tar.index').write_bytes(b'PK')
    with pytest.raises(ValueError, match=r'out-00000\.tar\.index: not a readable npz'):
        ImageArchive(str(path))


@pytest.mark.parametrize('mode', ['w:gz', 'w:xz'])
def test_compressed_archives_are_refused(images: Path, tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / 'a.tar', mode) as archive:
        archive.add(images / 'a.jpg')
    with pytest.raises(ArchiveError, match=r'a\.tar: not a readable tar archive without compression'):
        ImageArchive(str(tmp_path / 'a.tar'))


def test_damage_is_found_or_harmless(images: Path, tmp_path: Path, mutate) -> None:
    """With the checksums of the index, no member is ever read wrong."""
    path = Path(_pack(images, tmp_path / 'out'))
    content = path.read_bytes()
    for seed in range(FUZZ_CASES):
        damaged = mutate(content, seed)
        path.write_bytes(damaged)
        try:
            archive = ImageArchive(str(path))
        except ArchiveError:
            assert len(damaged) != len(content)
            continue
        for name in NAMES:
            try:
                assert archive.read(name) == (images / name).read_bytes(), seed
            except ArchiveError as error:
                assert str(path) in str(error) and repr(name) in str(error)


def test_a_read_only_folder_is_scanned_in_memory(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(_pack(images, tmp_path / 'out'))
    index = path.with_name('out-00000.tar.index')
    index.unlink()

    def refuse(path: Path, members: object) -> None:
        raise image_archives.WriteError(13, f'cannot write {path}')

    monkeypatch.setattr(image_archives, 'write_npz', refuse)
    assert ImageArchive(str(path)).read('a.jpg') == (images / 'a.jpg').read_bytes()
    assert not index.exists()


def _read_all(archive: ImageArchive, images: Path, seed: int) -> None:
    for i in np.random.default_rng(seed).integers(len(NAMES), size=300).tolist():
        assert archive.read(NAMES[i]) == (images / NAMES[i]).read_bytes()


def test_forked_processes_read_at_the_same_time(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_archives, '_MAX_OPEN', 2)  # fewer than shards
    archive = ImageArchive(_pack(images, tmp_path / 'out', 1))
    archive.read('a.jpg')
    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=_read_all, args=(archive, images, seed)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 3


def test_stamps_follow_size_and_archive(images: Path, tmp_path: Path) -> None:
    path = _pack(images, tmp_path / 'out')
    size, time = image_stamp(f'{path}/a.jpg')
    assert size == (images / 'a.jpg').stat().st_size and time == Path(path).stat().st_mtime_ns
    os.utime(path, (5, 5))
    assert image_stamp(f'{path}/a.jpg') == (size, 5 * 10**9)
    assert image_stamp(str(images / 'a.jpg')) == (size, (images / 'a.jpg').stat().st_mtime_ns)


def test_packing_again_keeps_what_is_finished(images: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    _pack(images, out, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.glob('out-*')}
    (tmp_path / 'out-00002.tar').unlink()
    kept = (tmp_path / 'out-00001.tar').stat().st_mtime_ns
    shards = plan_shards(measure_images(NAMES, images), out, 1)
    assert [shard.path.name for shard in find_unfinished(shards, out)] == ['out-00002.tar']
    _pack(images, out, 1)
    assert {path.name: path.read_bytes() for path in tmp_path.glob('out-*')} == before
    assert (tmp_path / 'out-00001.tar').stat().st_mtime_ns == kept


def test_archives_of_other_images_are_not_overwritten(images: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    _pack(images, out, 1)
    for names, wrong in ((NAMES[1:], '00000'), (NAMES[:-1], '00005')):
        with pytest.raises(
            ValueError, match=rf'out-{wrong}\.tar holds other images than these; choose another'
        ):
            _pack(images, out, 1, names)
    (images / 'a.jpg').write_bytes(b'longer' * 1000)
    with pytest.raises(ValueError, match=r'out-00000\.tar holds other images'):
        _pack(images, out, 1)


def test_no_archive_is_left_half_written(images: Path, tmp_path: Path, small_disk) -> None:
    shards = plan_shards(measure_images(NAMES, images), tmp_path / 'out', 1 << 30)
    (images / NAMES[4]).write_bytes(b'other')
    with pytest.raises(ValueError, match=r'f\.jpg has changed while it was packed; run the tool again'):
        pack_shard(shards[0], images)
    assert not list(tmp_path.glob('out*.tar')) and not list(tmp_path.glob('.mmroi*'))
    shards = plan_shards(measure_images(NAMES, images), tmp_path / 'out', 1 << 30)
    with (
        small_disk(4096),
        pytest.raises(OSError, match=r'cannot write .*out-00000\.tar: .*nothing of it is left'),
    ):
        pack_shard(shards[0], images)
    assert not list(tmp_path.glob('out*.tar'))


def test_images_outside_the_folder_are_not_packed(images: Path, tmp_path: Path) -> None:
    (tmp_path / 'secret').write_text('x')
    os.symlink(tmp_path / 'secret', images / 'link.jpg')
    for name in ('../secret', str(tmp_path / 'secret'), 'link.jpg'):
        with pytest.raises(ValueError, match='leads out of the image folder'):
            list(measure_images([name], images))
    assert list(measure_images(['link.jpg'], images, allow_outside=True)) == [('link.jpg', 1)]
    assert list(measure_images(['a.jpg', './a.jpg', 'none.jpg'], images))[1:] == [('none.jpg', None)]
