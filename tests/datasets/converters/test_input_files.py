import os
import pickle

import h5py
import numpy as np

from mmroi.datasets.converters.input_files import note_input, recorded_inputs, stamps, version_of
from mmroi.datasets.converters.raw_files import open_npz, read_json, read_mat, read_pickle


def test_files_that_are_read_and_no_others(tmp_path):
    for name in ('before', 'a.txt', 'b.json', 'after'):
        (tmp_path / name).write_text('{}')
    np.savez(tmp_path / 'c.npz', x=np.ones(3))
    (tmp_path / 'd.pkl').write_bytes(pickle.dumps([1]))
    with h5py.File(tmp_path / 'e.mat', 'w') as file:
        file['x'] = 1
    np.save(tmp_path / 'f.npy', np.ones(3))
    (tmp_path / 'before').read_text()
    open_npz(tmp_path / 'c.npz')  # stays open
    with recorded_inputs() as inputs:
        (tmp_path / 'a.txt').read_text()
        read_json(tmp_path / 'b.json')
        open_npz(tmp_path / 'c.npz')
        read_pickle(tmp_path / 'd.pkl')
        read_mat(tmp_path / 'e.mat').close()
        np.load(tmp_path / 'f.npy')
        (tmp_path / 'written').write_text('x')
        list(tmp_path.iterdir())
        import this  # noqa: F401  a program is no input
    (tmp_path / 'after').read_text()
    names = {os.path.basename(path) for path in stamps(inputs)}
    assert names == {'a.txt', 'b.json', 'c.npz', 'd.pkl', 'e.mat', 'f.npy'}


def test_nested_records_and_missing_files(tmp_path):
    (tmp_path / 'a').touch()
    with recorded_inputs() as outer:
        note_input(tmp_path / 'a')
        with recorded_inputs() as inner:
            note_input(tmp_path / 'absent')
    assert stamps(outer) == {str(tmp_path / 'a'): [0, version_of(tmp_path / 'a')]}
    assert stamps(inner) == {str(tmp_path / 'absent'): None}


def test_a_stamp_changes_with_size_and_time(tmp_path):
    path = tmp_path / 'a'
    path.write_text('x')
    os.utime(path, ns=(5, 5))
    assert stamps([str(path)]) == {str(path): [1, 5]}
