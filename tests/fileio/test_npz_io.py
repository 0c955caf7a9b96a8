import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmroi.fileio.npz_io import LazyNpz, write_npz


class _Payload:
    """Creates a file when it is unpickled freely."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def _save(path: Path, **members: object) -> LazyNpz:
    np.savez(path, **members)
    return LazyNpz(path)


@pytest.mark.parametrize('compress', [False, True])
@pytest.mark.parametrize(
    'array',
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(['a', 'longer.jpg']),
        np.array('smpl_54'),
        np.zeros((0, 3)),
        np.array(5),
    ],
    ids=['floats', 'fortran', 'strings', 'string', 'empty', 'number'],
)
def test_round_trip(tmp_path: Path, array: np.ndarray, compress: bool) -> None:
    write_npz(tmp_path / 'a.npz', dict(first=np.ones(3, np.int8), array=array), compress)
    read = LazyNpz(tmp_path / 'a.npz').read('array')
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)
    np.testing.assert_array_equal(np.load(tmp_path / 'a.npz')['array'], array)


def test_uncompressed_arrays_share_one_read_only_map(tmp_path: Path) -> None:
    file = _save(tmp_path / 'a.npz', a=np.arange(5.0), b=np.arange(7.0))
    a, b = file.read('a'), file.read('b')
    assert (
        a.base.obj is b.base.obj
        if isinstance(a.base, memoryview)
        else not (a.flags.owndata or b.flags.owndata)
    )
    assert not a.flags.writeable
    with pytest.raises(ValueError):
        a[0] = 1


def test_pickled_file_carries_only_its_path(tmp_path: Path) -> None:
    file = _save(tmp_path / 'a.npz', a=np.zeros(100_000))
    file.read('a')
    content = pickle.dumps(file)
    assert len(content) < 5000
    assert pickle.loads(content).read('a').shape == (100_000,)


def test_malicious_member_is_refused_and_does_nothing(tmp_path: Path) -> None:
    trace = tmp_path / 'trace'
    file = _save(
        tmp_path / 'a.npz', good=np.ones(2), smpl=np.array(dict(betas=_Payload(trace)), dtype=object)
    )
    np.testing.assert_array_equal(file.read('good'), 1)
    with pytest.raises(pickle.UnpicklingError, match=r"a\.npz: refused to unpickle 'smpl'.*Do not trust"):
        file.read('smpl')
    assert not trace.exists()
    # The payload does work where it is let through.
    np.load(tmp_path / 'a.npz', allow_pickle=True)['smpl']
    assert trace.exists()


def test_raw_pickle_as_a_member_is_no_array(tmp_path: Path) -> None:
    trace = tmp_path / 'trace'
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.writestr('a.npy', pickle.dumps(_Payload(trace)))
    with pytest.raises(ValueError, match=r"a\.npz: 'a' cannot be read"):
        LazyNpz(tmp_path / 'a.npz').read('a')
    assert not trace.exists()


def test_truncated_and_foreign_files(tmp_path: Path) -> None:
    write_npz(tmp_path / 'a.npz', dict(a=np.random.rand(1000)), compress=True)
    content = (tmp_path / 'a.npz').read_bytes()
    (tmp_path / 'short.npz').write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r'short\.npz: not a readable npz.*again'):
        LazyNpz(tmp_path / 'short.npz')
    damaged = bytearray(content)
    damaged[200:260] = bytes(60)
    (tmp_path / 'damaged.npz').write_bytes(damaged)
    with pytest.raises(ValueError, match=r"damaged\.npz: 'a' cannot be read"):
        LazyNpz(tmp_path / 'damaged.npz').read('a')
    with pytest.raises(FileNotFoundError, match=r'none\.npz: no such file'):
        LazyNpz(tmp_path / 'none.npz')


def test_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    write_npz(tmp_path / 'a.npz', dict(a=np.ones(1)))
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        write_npz(tmp_path / 'a.npz', dict(a=np.zeros(1), b=lambda: None))
    np.testing.assert_array_equal(LazyNpz(tmp_path / 'a.npz').read('a'), 1)
    assert [path.name for path in tmp_path.iterdir()] == ['a.npz']


def test_written_file_has_usual_permissions(tmp_path: Path) -> None:
    write_npz(tmp_path / 'new' / 'a.npz', dict(a=np.ones(1)))
    (tmp_path / 'plain').touch()
    assert (tmp_path / 'new' / 'a.npz').stat().st_mode == (tmp_path / 'plain').stat().st_mode


@pytest.mark.parametrize('shape', ['(-1,)', '(2, -3)', '(7,)', '(1 << 62, 4)'])
@pytest.mark.parametrize('compress', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_header_that_does_not_fit_the_data(tmp_path: Path, shape: str, compress: int) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode().ljust(117) + b'\n'
    content = b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header + bytes(48)
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w', compress) as archive:
        archive.writestr('a.npy', content)
        archive.writestr(
            'b.npy', content.replace(shape.encode().ljust(len(shape)), b'(6,)'.ljust(len(shape)))
        )
    with pytest.raises(ValueError, match=r"a\.npz: 'a' cannot be read"):
        LazyNpz(tmp_path / 'a.npz').read('a')
