import os
import re

import pytest
import torch
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

from mmroi.fileio import write_checkpoint
from mmroi.fileio.state_dicts import find_mismatches, take_below_prefix
from mmroi.models import read_state_dict

pytestmark = pytest.mark.usefixtures('mmroi_scope', 'hub')

WEIGHTS = {'conv1.weight': torch.arange(6.0).view(2, 3), 'bn1.num_batches_tracked': torch.tensor(7)}


def assert_read(path, names=tuple(WEIGHTS)):
    state = read_state_dict(path)
    assert tuple(state) == names
    for value, expected in zip(state.values(), WEIGHTS.values(), strict=True):
        assert torch.equal(value, expected)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: dict(state_dict=state, meta=dict(epoch=1)),
        lambda state: dict(model=state, epoch=3),
        lambda state: dict(model={f'module.{name}': value for name, value in state.items()}),
        lambda state: dict(model_state_dict=state, epoch=3),
        lambda state: dict(model=dict(state_dict=state)),
        lambda state: dict(state_dict={f'_orig_mod.{name}': value for name, value in state.items()}),
        lambda state: dict(state_dict={f'module._orig_mod.{name}': value for name, value in state.items()}),
        lambda state: {f'_orig_mod.module.{name}': value for name, value in state.items()},
        lambda state: {**{f'module.{k}': v for k, v in state.items()}, 'n_averaged': torch.tensor(3)},
        lambda state: {k.replace('.', '._orig_mod.'): v for k, v in state.items()},  # compiled parts
    ],
)
def test_containers(tmp_path, zipped, wrap):
    torch.save(wrap(WEIGHTS), tmp_path / 'x.pth', _use_new_zipfile_serialization=zipped)
    assert_read(tmp_path / 'x.pth')


def test_safetensors_are_known_by_their_content(tmp_path):
    for name in ('x.safetensors', 'x.pth'):
        save_file(dict(sorted(WEIGHTS.items())), tmp_path / name)
        state = read_state_dict(tmp_path / name)
        assert state.keys() == WEIGHTS.keys() and all(torch.equal(state[n], WEIGHTS[n]) for n in state)


def test_a_part_called_module_keeps_its_name(tmp_path):
    torch.save({'module.weight': torch.ones(1), 'bias': torch.ones(1)}, tmp_path / 'x.pth')
    assert list(read_state_dict(tmp_path / 'x.pth')) == ['module.weight', 'bias']


class _Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('zipped', [True, False])
def test_code_in_a_file_does_not_run(tmp_path, zipped):
    torch.save(
        dict(WEIGHTS, extra=_Payload(tmp_path / 'owned')),
        tmp_path / 'x.pth',
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(ValueError, match=r'it names \w+\.mkdir, which weights do not need') as error:
        read_state_dict(tmp_path / 'x.pth')
    assert not (tmp_path / 'owned').exists() and '\n' not in str(error.value)


@pytest.mark.parametrize(
    'damage',
    [
        lambda data: data[: len(data) // 2],
        lambda data: b'',
        lambda data: b'\0' * 64,
    ],
)
@pytest.mark.parametrize('zipped', [True, False])
def test_damaged_files(tmp_path, zipped, damage):
    torch.save(WEIGHTS, tmp_path / 'x.pth', _use_new_zipfile_serialization=zipped)
    (tmp_path / 'x.pth').write_bytes(damage((tmp_path / 'x.pth').read_bytes()))
    with pytest.raises(ValueError, match='x.pth is not a checkpoint that can be read .*delete it') as error:
        read_state_dict(tmp_path / 'x.pth')
    assert '\n' not in str(error.value)


def test_pages_in_place_of_files_are_named(tmp_path):
    (tmp_path / 'x.pth').write_bytes(b'<html>404</html>')
    with pytest.raises(ValueError, match=r'x\.pth is a web page \(HTML\), not the file'):
        read_state_dict(tmp_path / 'x.pth')


def test_damaged_safetensors(tmp_path):
    save_file(WEIGHTS, tmp_path / 'x.safetensors')
    (tmp_path / 'x.safetensors').write_bytes((tmp_path / 'x.safetensors').read_bytes()[:40])
    with pytest.raises(ValueError, match='is damaged, truncated'):
        read_state_dict(tmp_path / 'x.safetensors')


@pytest.mark.parametrize(
    'content, found',
    [({}, 'nothing'), (dict(epoch=3, lr=0.1), 'epoch, lr'), ([1, 2], 'list'), ({1: torch.ones(1)}, '1')],
)
def test_files_without_weights(tmp_path, content, found):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=f'holds no state dict; its content is: {found}$'):
        read_state_dict(tmp_path / 'x.pth')


def test_absent_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='x.pth does not exist'):
        read_state_dict(tmp_path / 'x.pth')


def test_mismatches_by_hand():
    one, two = torch.zeros(1), torch.zeros(2, 3)
    own = {'a': one, 'b': two, 'bn.num_batches_tracked': one, 'c': one}
    given = {'z': one, 'other.num_batches_tracked': one, 'b': one, 'c': one}
    assert find_mismatches(given, own) == [
        'a is not in the file',
        'b is (1,) in the file, (2, 3) in the network',
        'z is not in the network',
    ]
    assert find_mismatches({}, dict(a=one), 'checkpoint') == ['a is not in the checkpoint']
    assert find_mismatches(own, own) == []


def test_a_network_inside_another_module():
    inside = {'model.a.b': torch.ones(1), 'model.extra': torch.ones(2), 'loss.weight': torch.ones(3)}
    state = dict(inside)
    take_below_prefix(state, ['a.b'])
    assert list(state) == ['a.b', 'extra']
    for own in (['c'], ['a.b', 'loss.weight'], []):  # none of these, some without a prefix, nothing known
        state = dict(inside)
        take_below_prefix(state, own)
        assert state == inside
    both = {'student.a': torch.ones(1), 'teacher.a': torch.zeros(1)}
    state = dict(both)
    take_below_prefix(state, ['a'])
    assert state == both


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize('bad, word', [(torch.nan, 'NaN'), (torch.inf, 'infinity'), (-torch.inf, 'infinity')])
def test_weights_that_are_not_finite_are_refused(tmp_path, dtype, bad, word):
    """By every way of reading, and before they are written."""
    state = dict(
        a=torch.ones(3), b=torch.tensor([[1, bad], [2, bad]]).to(dtype), c=torch.full((1,), torch.nan)
    )
    found = re.escape(
        f'x.pth: b has {word} among its weights (2 of 4 numbers); 1 more tensors are not finite either. Use'
    )
    torch.save(dict(state_dict=state), tmp_path / 'x.pth')
    for read in (read_state_dict, CheckpointLoader.load_checkpoint):
        with pytest.raises(ValueError, match=found):
            read(str(tmp_path / 'x.pth'))
    (tmp_path / 'x.pth').unlink()
    with pytest.raises(ValueError, match=found):
        write_checkpoint(tmp_path / 'x.pth', state, {})
    assert not list(tmp_path.iterdir())


def test_masks_of_minus_infinity_are_weights_like_others(tmp_path):
    mask = torch.zeros(3, 3).masked_fill(torch.ones(3, 3).triu(1) > 0, -torch.inf)
    torch.save(dict(mask=mask, steps=torch.tensor(3)), tmp_path / 'x.pth')
    assert torch.equal(read_state_dict(tmp_path / 'x.pth')['mask'], mask)
