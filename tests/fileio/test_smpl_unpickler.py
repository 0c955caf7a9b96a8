import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from mmroi.fileio.smpl_unpickler import load_smpl_pickle


def test_arrays_and_sparse_matrices(tmp_path: Path) -> None:
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    regressor = sparse.random(24, 60, 0.1, format='csc', random_state=0)
    for protocol in (0, 2, 4):
        path.write_bytes(
            pickle.dumps(
                {
                    'f': np.arange(6, dtype=np.uint32),
                    'J_regressor': regressor,
                    'bs_type': 'lrotmin',
                    'scale': np.float64(2),
                },
                protocol=protocol,
            )
        )
        loaded = load_smpl_pickle(path)
        assert set(loaded) == {'f', 'J_regressor'}  # strings and scalars are no arrays of the model
        assert loaded['f'].dtype == np.uint32
        np.testing.assert_array_equal(loaded['J_regressor'], regressor.toarray())


def chumpy_pickle(monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A pickle as chumpy writes it: an array node, and a selection from another, with its bookkeeping."""

    def make(name: str, module: str) -> type:
        node = type(name, (), {'__module__': module})
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        setattr(sys.modules[module], name, node)
        return node

    monkeypatch.setitem(sys.modules, 'chumpy', types.ModuleType('chumpy'))
    array_node, selection = make('Ch', 'chumpy.ch'), make('Select', 'chumpy.reordering')
    bookkeeping = {'_dirty_vars': {'x'}, '_itr': None, '_depends_on_deps': {}, '_make_dense': False}
    template, shapedirs = np.random.default_rng(0).normal(size=(5, 3)), np.arange(60.0).reshape(5, 3, 4)
    first, second, base = array_node(), selection(), array_node()
    first.__dict__ = {'x': template, **bookkeeping}
    base.__dict__ = {'x': shapedirs, **bookkeeping}
    indices = np.arange(60).reshape(5, 3, 4)[:, :, :2].ravel()
    second.__dict__ = {'a': base, 'idxs': indices, 'preferred_shape': (5, 3, 2), **bookkeeping}
    content = pickle.dumps({'v_template': first, 'shapedirs': second}, protocol=2)
    monkeypatch.undo()
    return content, template, shapedirs[:, :, :2]


def test_chumpy_nodes_without_chumpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, template, shapedirs = chumpy_pickle(monkeypatch)
    assert b'chumpy' in content and 'chumpy' not in sys.modules
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    path.write_bytes(content)
    loaded = load_smpl_pickle(path)
    np.testing.assert_array_equal(loaded['v_template'], template)
    np.testing.assert_array_equal(loaded['shapedirs'], shapedirs)
    assert 'chumpy' not in sys.modules


def payload(function: str, argument: str) -> bytes:
    """A pickle of protocol 0 that calls ``module.name(argument)``."""
    module, name = function.rsplit('.', 1)
    return f'c{module}\n{name}\n(V{argument}\ntR.'.encode()


@pytest.mark.parametrize(
    'function',
    [
        'os.system',
        'posix.system',
        'builtins.eval',
        'builtins.exec',
        '__builtin__.eval',
        'builtins.getattr',
        'subprocess.call',
        'numpy.load',
        'numpy.core.multiarray.fromfile',
        'chumpy.ch.eval',
    ],
)
def test_malicious_pickle_is_refused(tmp_path: Path, function: str) -> None:
    mark = tmp_path / 'created'
    code = f'touch {mark}' if 'system' in function or 'call' in function else f'open({str(mark)!r}, "w")'
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    path.write_bytes(payload(function, code))
    with pytest.raises(pickle.UnpicklingError, match=r'SMPL_NEUTRAL\.pkl: .*refusing'):
        load_smpl_pickle(path)
    assert not mark.exists()


def test_malicious_payload_really_would_act(tmp_path: Path) -> None:
    """Guard the test above: the same payload creates its file where nothing refuses it."""
    mark = tmp_path / 'created'
    pickle.loads(payload('os.system', f'touch {mark}'))
    assert mark.exists()


def test_other_codecs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    path.write_bytes(b'c_codecs\nencode\n(Vx\nVrot13\ntR.')
    with pytest.raises(pickle.UnpicklingError, match='codec'):
        load_smpl_pickle(path)


@pytest.mark.parametrize(
    'content', [b'', b'not a pickle', pickle.dumps({'f': np.arange(50)})[:-30], pickle.dumps([1, 2, 3])]
)
def test_damaged_file_names_file_and_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    path.write_bytes(content)
    with pytest.raises((pickle.UnpicklingError, ValueError), match=r'SMPL_NEUTRAL\.pkl.*smpl\.is\.tue'):
        load_smpl_pickle(path)
