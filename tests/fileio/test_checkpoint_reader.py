"""Checkpoints as torch, MMEngine and other trainers write them, and as attackers do."""

import argparse
import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim import OneCycleLR
from mmengine.runner import CheckpointLoader

from mmroi.fileio import read_checkpoint, read_state_dict
from mmroi.fileio.checkpoint_reader import UnreadEntry

ZIPPED = pytest.mark.parametrize('zipped', [True, False])


def write(path, content, zipped=True):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def equal(found, expected):
    if isinstance(expected, torch.Tensor):
        return found.dtype == expected.dtype and torch.equal(found, expected)
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(equal(found[k], v) for k, v in expected.items())
    if isinstance(expected, list | tuple):
        return type(found) is type(expected) and all(map(equal, found, expected))
    if isinstance(expected, HistoryBuffer):
        return all(map(np.array_equal, found.data, expected.data)) and found.max_length == expected.max_length
    return found == expected


@ZIPPED
def test_what_training_saves_comes_back(tmp_path, zipped):
    layer = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    hub = MessageHub('checkpoint_reader')
    for i in range(3):
        hub.update_scalar('train/loss', 0.5 * i)
    hub.update_info('best', np.float32(3))
    schedule = OneCycleLR(optimizer, eta_max=1, total_steps=10, anneal_strategy='linear')
    content = dict(
        meta=dict(epoch=1, iter=7, cfg='a = 1', time='now', seed=None, dataset_meta=dict(names=('a', 'b'))),
        state_dict=layer.state_dict(),
        optimizer=optimizer.state_dict(),
        param_schedulers=[schedule.state_dict()],
        message_hub=hub.state_dict(),
    )
    found = read_checkpoint(write(tmp_path / 'epoch_1.pth', content, zipped))
    assert equal(found, content)
    assert found['state_dict']._metadata == layer.state_dict()._metadata
    assert found['param_schedulers'][0]['anneal_func'](2.0, 4.0, 1.0) == pytest.approx(4.0)
    buffer = found['message_hub']['log_scalars']['train/loss']
    assert buffer.mean() == 0.5 and buffer.statistics('max') == 1
    buffer.update(7.0)
    assert len(hub.get_scalar('train/loss').data[0]) == 3
    optimizer.load_state_dict(found['optimizer'])
    layer.load_state_dict(found['state_dict'])


@ZIPPED
def test_tensors_of_all_kinds(tmp_path, zipped):
    base = torch.arange(24.0).reshape(4, 6)
    content = dict(
        view=base[1:3, ::2],
        transposed=base.T,
        again=base,
        expanded=torch.ones(1).expand(100),
        scalar=torch.tensor(5),
        empty=torch.zeros(0, 3),
        flags=torch.tensor([True, False]),
        half=torch.ones(2).half(),
        wide=torch.ones(2).double(),
        brain=torch.ones(2).bfloat16(),
        complex=torch.ones(2) + 1j,
        byte=torch.arange(3, dtype=torch.uint8),
        word=torch.tensor([1, 2], dtype=torch.uint16) if zipped else torch.ones(1),
        parameter=torch.nn.Parameter(torch.ones(2)),
        sparse=torch.eye(3).to_sparse(),
    )
    found = read_checkpoint(write(tmp_path / 'x.pth', content, zipped))
    assert found['view'].untyped_storage().data_ptr() == found['again'].untyped_storage().data_ptr()
    assert isinstance(found['parameter'], torch.nn.Parameter)
    for name, expected in content.items():
        assert equal(*((t.to_dense() if name == 'sparse' else t) for t in (found[name], expected))), name


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_other_protocols(tmp_path, protocol):
    torch.save(dict(state_dict=OrderedDict(a=torch.ones(2))), tmp_path / 'x.pth', pickle_protocol=protocol)
    assert torch.equal(read_state_dict(tmp_path / 'x.pth')['a'], torch.ones(2))


def test_a_parameter_with_attributes(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    parameter.note = 'x'
    found = read_checkpoint(write(tmp_path / 'x.pth', dict(weight=parameter)))
    assert torch.equal(found['weight'], torch.ones(2)) and not hasattr(found['weight'], 'note')


@ZIPPED
def test_what_is_no_weights_is_left_out(tmp_path, zipped):
    state = dict(weight=torch.ones(2))
    args = argparse.Namespace(lr=1)
    content = dict(state_dict=state, args=args, epoch=3, optimizer=dict(x=[args]))
    path = write(tmp_path / 'x.pth', content, zipped)
    assert equal(read_state_dict(path), state)
    found = CheckpointLoader.load_checkpoint(str(path))
    assert equal(found['state_dict'], state) and found['epoch'] == 3
    assert isinstance(found['args'], UnreadEntry)
    for use in (lambda entry: entry['state'], lambda entry: entry.pop, list, lambda entry: 'x' in entry):
        with pytest.raises(ValueError, match=r"x\.pth: 'optimizer' needs argparse\.Namespace.*resume"):
            use(found['optimizer'])


@ZIPPED
def test_a_whole_model_is_no_checkpoint(tmp_path, zipped):
    path = write(tmp_path / 'x.pth', torch.nn.Linear(1, 1), zipped)
    with pytest.raises(ValueError, match=r'x\.pth is not a checkpoint but an object of torch\.nn\.\S*Linear'):
        read_state_dict(path)


def test_a_program_and_another_archive(tmp_path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / 'program.pt'))
    with zipfile.ZipFile(tmp_path / 'other.pth', 'w') as archive:
        archive.writestr('a.txt', 'a')
    for name, reason in (('program.pt', 'a TorchScript program'), ('other.pth', 'a zip archive')):
        with pytest.raises(ValueError, match=rf'{name} is not a checkpoint .*{reason}'):
            read_checkpoint(tmp_path / name)


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Sets:
    """A history of something else than numbers."""

    def __reduce__(self):
        return HistoryBuffer, (), {'_log_history': np.array(['a']), '_count_history': np.ones(1)}


def rebuild(*arguments):
    return Calls(torch._utils._rebuild_tensor_v2, *arguments)


STORAGE = torch.ones(4).storage()
ATTACKS = dict(
    code=Calls(exec, 'print("ran")'),
    nested_load=Calls(torch.storage._load_from_bytes, b'x'),
    climb=Calls(getattr, HistoryBuffer, '__init__'),
    climb_further=Calls(getattr, np.ndarray, 'tofile'),
    wrapped=Calls(torch._tensor._rebuild_from_type_v2, getattr, HistoryBuffer, ('a',), {}),
    history=Sets(),
    beyond=rebuild(STORAGE, 0, (1 << 20,), (1,), False, OrderedDict()),
    far=rebuild(STORAGE, 1 << 40, (1,), (1,), False, OrderedDict()),
    before=rebuild(STORAGE, -4, (1,), (1,), False, OrderedDict()),
    backwards=rebuild(STORAGE, 3, (4,), (-1,), False, OrderedDict()),
    endless=rebuild(STORAGE, 0, (1 << 40,), (0,), False, OrderedDict()),
    no_storage=rebuild(1, 0, (1,), (1,), False, OrderedDict()),
)


@pytest.mark.parametrize('attack', ATTACKS)
@ZIPPED
def test_attacks_are_refused(tmp_path, capfd, attack, zipped):
    path = write(tmp_path / 'x.pth', dict(state_dict=dict(a=torch.ones(1), b=ATTACKS[attack])), zipped)
    methods = dict(HistoryBuffer._statistics_methods)
    with pytest.raises(ValueError, match=r'x\.pth is not a checkpoint that can be read safely') as error:
        read_state_dict(path)
    assert 'weights_only' not in str(error.value) and 'ran' not in capfd.readouterr().out.split()
    assert HistoryBuffer._statistics_methods == methods


def rewrite(path, change):
    """Change the parts of an archive of torch, with correct checksums."""
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(path, 'w') as new:
        for name, content in members.items():
            new.writestr(name, change(name, content))


@pytest.mark.parametrize(
    'change',
    [
        lambda name, content: content[:-4] if '/data/' in name else content,
        lambda name, content: content + b'1234' if '/data/' in name else content,
        lambda name, content: b'' if name.endswith('.pkl') else content,
    ],
)
def test_an_archive_whose_parts_do_not_fit(tmp_path, change):
    path = write(tmp_path / 'x.pth', dict(a=torch.ones(100)))
    rewrite(path, change)
    with pytest.raises(ValueError, match=r'x\.pth is not a checkpoint .*damaged'):
        read_checkpoint(path)


def test_wrong_checksums_and_bombs(tmp_path):
    path = write(tmp_path / 'x.pth', dict(a=torch.arange(1000.0)))
    content = bytearray(path.read_bytes())
    at = content.index(torch.arange(1000.0).numpy().tobytes()[400:440])
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'x\.pth is not a checkpoint .*damaged'):
        read_checkpoint(path)
    with zipfile.ZipFile(tmp_path / 'bomb.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', pickle.dumps({}))
        archive.writestr('a/data/0', bytes(1 << 26))
    with pytest.raises(ValueError, match=r'bomb\.pth is not a checkpoint'):
        read_checkpoint(tmp_path / 'bomb.pth')


def test_a_file_packed_again(tmp_path):
    path = write(tmp_path / 'x.pth', dict(a=torch.randn(1000)))
    before = read_checkpoint(path)
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            new.writestr(name, content)
    assert equal(read_checkpoint(path), before)


def test_nothing_is_allowed_for_the_whole_process():
    import mmroi.apis  # noqa: F401
    import mmroi.engine  # noqa: F401

    allowed = ' '.join(map(str, torch.serialization.get_safe_globals()))
    assert not any(name in allowed for name in ('mmengine', 'mmroi', 'numpy', 'getattr'))


def test_a_buffer_in_memory_is_what_torch_reads(tmp_path):
    """Guard the tests above: torch reads the same files, with its own weights-only reader."""
    file = io.BytesIO()
    torch.save(dict(a=torch.ones(2)), file)
    (tmp_path / 'x.pth').write_bytes(file.getvalue())
    file.seek(0)
    assert equal(read_checkpoint(tmp_path / 'x.pth'), torch.load(file, weights_only=True))
