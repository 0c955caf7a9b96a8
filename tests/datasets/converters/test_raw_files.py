import os
import pickle

import h5py
import numpy as np
import pytest

from mmroi.datasets.converters.raw_files import read_mat, read_pickle


def secret_file(folder):
    with h5py.File(folder / 'secret.h5', 'w') as file:
        file['values'] = np.arange(4.0)
    return folder / 'secret.h5'


def external_storage(folder, file):
    (folder / 'secret.bin').write_bytes(b'secret' * 8)
    external = [(str(folder / 'secret.bin'), 0, h5py.h5f.UNLIMITED)]
    file.create_group('group').create_dataset('a', (4,), 'u1', external=external)


def external_link(folder, file):
    file['a'] = h5py.ExternalLink(str(secret_file(folder)), 'values')


def soft_link(folder, file):
    file['a'] = h5py.SoftLink('/b')


def virtual(folder, file):
    layout = h5py.VirtualLayout((4,), 'f8')
    layout[:] = h5py.VirtualSource(str(secret_file(folder)), 'values', (4,))
    file.create_virtual_dataset('a', layout)


@pytest.mark.parametrize('add', [external_storage, external_link, soft_link, virtual])
def test_a_matlab_file_shows_no_other_files(tmp_path, add):
    with h5py.File(tmp_path / 'x.mat', 'w') as file:
        file['b'] = np.ones(3)
        add(tmp_path, file)
    with pytest.raises(ValueError, match=r'x\.mat: cannot be read .*(another file|is a link)'):
        read_mat(tmp_path / 'x.mat')
    with h5py.File(tmp_path / 'x.mat', 'r+') as file:
        del file['group' if add is external_storage else 'a']
    with read_mat(tmp_path / 'x.mat', ['b']) as content:
        assert content['b'][()].tolist() == [1, 1, 1]


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_all_protocols(tmp_path, protocol):
    content = dict(poses=[np.ones((2, 72))], genders=['m'], sequence='a', valid=[np.array([True])], none=b'')
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content, protocol))
    found = read_pickle(tmp_path / 'a.pkl')
    assert repr(found) == repr(content)
    (tmp_path / 'b.pkl').write_bytes(pickle.dumps(dict(content, more=Payload(tmp_path / 'made')), protocol))
    with pytest.raises(pickle.UnpicklingError, match=r'b\.pkl: refused to unpickle: .*mkdir.*Do not trust'):
        read_pickle(tmp_path / 'b.pkl')
    assert not (tmp_path / 'made').exists()
    (tmp_path / 'c.pkl').write_bytes(pickle.dumps(content, protocol)[:-9])
    with pytest.raises(ValueError, match=r'c\.pkl: cannot be read'):
        read_pickle(tmp_path / 'c.pkl')
