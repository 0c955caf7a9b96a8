import io
import pickle
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest
from fuzz_readers import in_a_process, process_state
from hostile_pickles import PAYLOADS, array, call, dtype, hostile, name
from scipy import sparse

from mmroi.fileio import inert_pickle
from mmroi.fileio.inert_names import Chumpy, Refused, to_array
from mmroi.fileio.inert_pickle import InertUnpickler, unpickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def read(content):
    return unpickle(io.BytesIO(content))


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('core', [b'numpy.core.', b'numpy._core.'])
def test_data_come_back(protocol, core):
    value = dict(
        numbers=[1, -(2**70), 2.5, None, True, 1 + 2j, 'x\nä', b'\0\xff', b'', bytearray(b'ab')],
        nested=({1, 2}, frozenset('a'), (), {(1, 'a'): [[]]}, OrderedDict(a=1), Counter('aab')),
        scalars=[np.float32(3), np.int64(-1), np.bool_(True), np.str_('ab'), np.float64(0)],
        matrix=np.arange(6.0).reshape(2, 3).T,
        words=np.array(['a', 'longer.jpg']),
        raw=np.array([b'a', b'bc']),
        objects=np.array(['a', None, [1]], object),
        empty=np.zeros((0, 3), np.float16),
        swapped=np.arange(3, dtype='>i4'),
        flags=np.array([True, False]),
        one=np.array(5),
    )
    content = pickle.dumps(value, protocol)
    if protocol < 4:  # names end in a newline, so the other spelling of the module may be put in place
        for written in (b'numpy._core.', b'numpy.core.'):
            content = content.replace(b'c' + written, b'c' + core)
    found = read(content)
    assert repr(found['numbers'][:-1]) == repr(value['numbers'][:-1]) and found['numbers'][-1] == b'ab'
    assert repr({k: found[k] for k in ('nested', 'scalars')}) == repr(
        {k: value[k] for k in ('nested', 'scalars')}
    )
    for key, expected in value.items():
        if isinstance(expected, np.ndarray):
            assert found[key].dtype == expected.dtype.newbyteorder('=') and found[key].shape == expected.shape
            np.testing.assert_array_equal(found[key], expected)


def test_shared_values_stay_shared():
    rows = np.arange(3)
    found = read(pickle.dumps([rows, dict(a=rows), [[rows], [rows]], [], []]))
    assert found[0] is found[1]['a'] is found[2][1][0]


def test_lists_that_would_fill_the_memory_as_an_array():
    own: list = [1]
    own.append(own)
    array = np.array([None], object)
    array[0] = [array]
    many: list = [0]
    for _ in range(40):
        many = [many, many]
    for value in (own, dict(a=(own,)), array, many, dict(a=many)):
        with pytest.raises(Refused, match='lists? that'):
            read(pickle.dumps(value))


def test_large_arrays_repeat_nothing(monkeypatch):
    """The labels of a million people are more numbers than repetitions may add."""
    monkeypatch.setattr(inert_pickle, '_MAX_REPEATED', 10)
    value = dict(pose=np.zeros((9, 9)), names=['m'] * 50, nested=[[1] * 20, [2] * 20])
    assert read(pickle.dumps(value))['names'] == ['m'] * 50
    rows = [0] * 6
    assert read(pickle.dumps([rows, rows])) == [rows, rows]  # 6 more than the file has
    with pytest.raises(Refused, match='lists that repeat each other'):
        read(pickle.dumps([rows, rows, rows]))


def test_text_of_python_2():
    written = b'}U\x03K\xf6n' + b'U\x04\xe4\x00\xff.s.'
    assert read(written) == {'Kön': 'ä\0ÿ.'}
    old = call(name('numpy.core.multiarray', 'scalar'), dtype('i4'), b'U\x04\x01\x02\0\0')
    assert read(old + b'.') == 513
    assert read(b'\x80\x02' + array(dtype('f8'), (1,), bytes(8)) + b'.').tolist() == [0]


def test_a_default_of_missing_keys_is_left_out():
    value = defaultdict(list, a=[1])
    assert read(pickle.dumps(value)) == {'a': [1]}


@pytest.mark.parametrize('layout', ['csr', 'csc', 'coo'])
@pytest.mark.parametrize('kind', ['matrix', 'array'])
@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_sparse_matrices(layout, kind, protocol):
    make = getattr(sparse, f'{layout}_{kind}')
    dense = np.where(np.arange(60).reshape(6, 10) % 7 == 0, np.arange(60.0).reshape(6, 10), 0)
    for matrix in (make(dense), make(dense.astype(np.float32)), make((3, 4))):
        found = to_array(read(pickle.dumps(matrix, protocol)))
        np.testing.assert_array_equal(found, matrix.toarray())
        assert found.dtype == matrix.dtype


def test_repeated_entries_of_a_sparse_matrix_are_added():
    matrix = sparse.coo_matrix(([1.0, 2.0, 5.0], ([0, 0, 1], [1, 1, 0])), (2, 2))
    np.testing.assert_array_equal(to_array(read(pickle.dumps(matrix))), [[0, 3], [5, 0]])


@pytest.mark.parametrize(
    'change',
    [
        dict(indices=np.array([0, 9], np.int32)),
        dict(indices=np.array([0, -1], np.int32)),
        dict(indices=np.array([0.0, 1.0])),
        dict(indptr=np.array([0, 1, 1 << 30], np.int32)),
        dict(indptr=np.array([0, 2, 1], np.int32)),
        dict(indptr=np.array([-5, 1, 2], np.int32)),
        dict(indptr=np.array([0, 2], np.int32)),
        dict(data=np.ones(1)),
        dict(data=np.array(['a', 'b'])),
        dict(_shape=(1 << 20, 1 << 20)),
        dict(_shape=(2, 2, 2)),
        dict(_shape=(-2, 2)),
        dict(_shape='ab'),
    ],
    ids=str,
)
def test_a_sparse_matrix_with_entries_outside_is_refused(change):
    matrix = sparse.csr_matrix(np.eye(2))
    matrix.__dict__.update(change)
    with pytest.raises(ValueError, match='sparse|shape'):
        to_array(read(pickle.dumps(matrix, 2)))


@pytest.mark.parametrize(
    'state',
    [
        dict(a=None, idxs=np.array([9])),
        dict(a=np.ones(3), idxs=np.array([9])),
        dict(x=[1]),
        dict(a=np.ones(3)),
    ],
)
def test_a_chumpy_node_that_selects_nothing(state):
    node = Chumpy()
    node.build(state)
    with pytest.raises((ValueError, IndexError)):
        node.to_array()


@pytest.mark.parametrize(
    'module, attribute',
    [
        ('os', 'system'),
        ('builtins', 'eval'),
        ('builtins', 'getattr'),
        ('numpy', 'load'),
        ('numpy', 'ndarray.tofile'),
        ('numpy.core.multiarray', 'fromfile'),
        ('numpy._core.multiarray', 'x'),
        ('scipy.sparse', 'dok_matrix'),
        ('chumpy.ch', 'eval'),
        ('argparse', 'Namespace'),
        ('torch.storage', '_load_from_bytes'),
    ],
)
def test_every_other_name_is_refused(module, attribute):
    with pytest.raises(Refused, match=f'names {module}.{attribute}'):
        read(name(module, attribute) + b'.')


def test_unknown_classes_may_be_skipped_but_not_what_only_an_attack_needs():
    import argparse

    value = dict(args=argparse.Namespace(lr=1), error=ValueError, rest=1)
    found = InertUnpickler(io.BytesIO(pickle.dumps(dict(value, error=0), 2)), skip_unknown=True).load()
    assert found['args'].name == 'argparse.Namespace' and found['rest'] == 1
    for bad in ('system', 'eval', 'system of posix', 'name from the stack'):
        with pytest.raises(Refused, match='names'):
            InertUnpickler(io.BytesIO(hostile(bad)), skip_unknown=True).load()


def test_attacks_end_in_errors():
    """In a copy of the process, which some of them would end."""

    def attack():
        before = process_state()
        for payload in PAYLOADS:
            for skip in (False, True):
                try:
                    InertUnpickler(io.BytesIO(hostile(payload)), skip_unknown=skip).load()
                except Exception:
                    continue
                if not skip:
                    yield payload
        assert process_state() == before

    assert in_a_process(attack()) == ([], 0)
    assert len(PAYLOADS) >= 25


def test_a_dictionary_in_an_array_without_axes():
    """As ``numpy.savez`` stores dictionaries."""
    content = np.array(dict(betas=np.zeros((2, 10)), gender=['m', 'f']), object)
    found = unpickle(io.BytesIO(pickle.dumps(content)))
    assert found.shape == () and found.item()['gender'] == ['m', 'f']
