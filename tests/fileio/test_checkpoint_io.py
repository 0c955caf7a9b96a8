import hashlib

import numpy as np
import pytest
import torch
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmroi.fileio import write_checkpoint

STATE = {'weight': torch.arange(6.0).reshape(2, 3), 'bias': torch.tensor([1.0, 2.0]).half()}


@pytest.mark.parametrize('name', ['new.pth', 'new.safetensors'])
def test_mmengine_reads_what_is_written(tmp_path, name):
    path = tmp_path / 'folder' / name
    write_checkpoint(path, STATE, dict(source='test'))
    content = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert content['meta'] == dict(source='test') and content['state_dict'].keys() == STATE.keys()
    assert all(torch.equal(content['state_dict'][key], value) for key, value in STATE.items())
    layer = torch.nn.Linear(3, 2)
    load_checkpoint(layer, str(path), strict=True)
    assert torch.equal(layer.weight, STATE['weight'])


def test_the_old_file_stays_if_writing_fails(tmp_path):
    path = tmp_path / 'new.pth'
    write_checkpoint(path, STATE, {})
    before = path.read_bytes()
    with pytest.raises(Exception, match='pickle'):
        write_checkpoint(path, {'weight': lambda: None}, {})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_tensors_that_do_not_lie_in_one_piece(tmp_path):
    write_checkpoint(tmp_path / 'a.safetensors', {'weight': STATE['weight'].T}, {})
    content = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.safetensors'))
    assert torch.equal(content['state_dict']['weight'], STATE['weight'].T)


def test_the_hash_of_the_weights_in_the_name(tmp_path):
    old = tmp_path / 'new.pth'
    old.write_bytes(b'another file of this name')
    path = write_checkpoint(old, STATE, {}, with_hash=True)
    lines = (('bias', '(2,)', [1.0, 2.0]), ('weight', '(2, 3)', range(6)))
    content = [f'{n} torch.float32 {s}\n'.encode() + np.array(v, np.float32).tobytes() for n, s, v in lines]
    assert path.name == f'new-{hashlib.sha256(b"".join(content)).hexdigest()[:8]}.pth'
    assert old.read_bytes() == b'another file of this name' and len(list(tmp_path.iterdir())) == 2
    backwards = dict(reversed(STATE.items()))
    again = write_checkpoint(tmp_path / 'new.safetensors', backwards, dict(date='later'), with_hash=True)
    assert again.stem == path.stem
    other = write_checkpoint(old, {**STATE, 'bias': STATE['bias'] + 1}, {}, with_hash=True)
    assert other.name != path.name


def test_equal_content_has_equal_bytes(tmp_path):
    meta = {f'key{i}': str(i) for i in range(20)}
    first, second = (write_checkpoint(tmp_path / f'{i}.safetensors', STATE, meta) for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    backwards = dict(reversed(meta.items()))
    assert write_checkpoint(tmp_path / '3.safetensors', STATE, backwards).read_bytes() == first.read_bytes()
    assert int.from_bytes(first.read_bytes()[:8], 'little') % 8 == 0  # tensors are aligned
    content = CheckpointLoader.load_checkpoint(str(first))
    assert content['meta'] == meta and torch.equal(content['state_dict']['bias'], STATE['bias'])


def test_what_safetensors_remember_is_words(tmp_path):
    path = write_checkpoint(tmp_path / 'a.safetensors', STATE, dict(epoch=4, cfg='a = 1', seed=None))
    assert CheckpointLoader.load_checkpoint(str(path))['meta'] == dict(epoch='4', cfg='a = 1', seed='null')


def test_bad_files(tmp_path):
    with pytest.raises(ValueError, match="must end in .pth or .safetensors, not 'new.bin'"):
        write_checkpoint(tmp_path / 'new.bin', STATE, {})
    (tmp_path / 'cut.safetensors').write_bytes(b'1234')
    with pytest.raises(ValueError, match='cut.safetensors is not a checkpoint that can be read'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'cut.safetensors'))


def test_a_program_in_a_checkpoint_does_not_reach_mmengine(tmp_path):
    """MMEngine runs ``meta['config']`` when it resumes."""
    torch.save(dict(meta=dict(config='raise SystemExit', epoch=1), state_dict=STATE), tmp_path / 'x.pth')
    assert CheckpointLoader.load_checkpoint(str(tmp_path / 'x.pth'))['meta'] == dict(epoch=1)


def test_downloads_are_read_in_the_same_way(tmp_path, monkeypatch):
    torch.save(STATE, tmp_path / 'x.pth')
    monkeypatch.setattr('mmroi.fileio.checkpoint_io.locate', lambda name: tmp_path / name.split('/')[-1])
    for name in ('https://example.org/x.pth', 'torchvision://x.pth', 'open-mmlab://x.pth'):
        content = CheckpointLoader.load_checkpoint(name)
        assert torch.equal(content['state_dict']['weight'], STATE['weight'])
