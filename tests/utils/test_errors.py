"""Which errors are the user's, and how they are told in one sentence."""

from multiprocessing import get_context

import numpy as np
import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader

from mmroi.body_models.body_files import find_body_file
from mmroi.fileio.named_errors import name_errors
from mmroi.registry import MODELS
from mmroi.utils.device import choose_device
from mmroi.utils.errors import UserError, explain, is_for_user


class Strict:
    def __init__(self, color, size=1):
        pass


def test_unknown_key_is_answered_with_the_known_ones():
    MODELS.register_module(name='Strict', module=Strict, force=True)
    with pytest.raises(TypeError) as caught:
        MODELS.build(dict(type='Strict', color='red', sice=3))
    assert explain(caught.value) == (
        "config: Strict does not know the key 'sice'; did you mean 'size'? It knows: color, size"
    )


class Colored:
    def __init__(self, color, size=1):
        self.large = size > 3


@pytest.mark.parametrize(('module', 'told'), [('torch.optim', True), ('mine', False)])
def test_values_that_a_component_of_a_library_refuses(monkeypatch, module, told):
    monkeypatch.setattr(Colored, '__module__', module)
    MODELS.register_module(name='Colored', module=Colored, force=True)
    error = error_of(MODELS.build, dict(type='Colored', color='red', size='big'))
    assert is_for_user(error) == told
    begin = "config: Colored cannot be built with color='red', size='big': '>' not supported"
    assert explain(error).startswith(begin) == told


def test_other_errors_keep_their_words():
    assert explain(ValueError('two\n  lines')) == 'two lines'
    assert explain(KeyError()) == 'KeyError'
    assert explain(KeyError('no such key in labels.npz')) == 'no such key in labels.npz'


def error_of(function, *arguments):
    with pytest.raises(Exception) as caught:
        function(*arguments)
    return caught.value


def within(path):
    with name_errors(path):
        int('x')


def check():
    assert 1 == 2, 'a mistake'


def test_an_error_that_is_raised_on_purpose_is_for_the_user(tmp_path):
    assert is_for_user(error_of(find_body_file, tmp_path / 'nothing'))
    assert is_for_user(error_of(find_body_file, None, 'old'))
    assert is_for_user(error_of(within, 'labels.npz'))  # raised by name_errors from the other one
    assert is_for_user(error_of(open, tmp_path))
    assert is_for_user(error_of(MODELS.build, dict(type='NoSuchThing')))
    assert is_for_user(error_of(Config.fromfile, tmp_path / 'nothing.py'))


def test_an_error_from_within_a_library_is_not(tmp_path):
    for function, *arguments in ((int, 'x'), (np.zeros, -1), (check,), (find_body_file, 1.5)):
        assert not is_for_user(error_of(function, *arguments)), function
    assert not is_for_user(ValueError('never raised'))


class BadRows:
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        if self.error is None:
            return int('x')
        choose_device(self.error)


def test_an_error_in_a_worker_of_a_loader_is_what_it_was_there():
    error = error_of(list, DataLoader(BadRows('gpu'), num_workers=1))
    assert is_for_user(error) and explain(error).startswith("device 'gpu' is unknown; there is cpu")
    error = error_of(list, DataLoader(BadRows(None), num_workers=1))
    assert not is_for_user(error) and explain(error).startswith('invalid literal')


def test_an_error_in_a_process_of_a_pool_is_what_it_was_there():
    with get_context('fork').Pool(1) as pool:
        assert is_for_user(error_of(pool.apply, choose_device, ('gpu',)))
        assert not is_for_user(error_of(pool.apply, int, ('x',)))


def test_an_error_in_a_config_names_it(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text('a = 1\nmodel = dict(')
    error = error_of(Config.fromfile, path)
    assert is_for_user(error) and explain(error).startswith(f'config {path}, line 2: ')
    path.write_text('a = 1')
    for get in (lambda: Config.fromfile(path).model, lambda: Config.fromfile(path)['model']):
        error = error_of(get)
        assert is_for_user(error) and explain(error) == "the config has no 'model'"
    (tmp_path / 'own.json').write_text('{"a": [')
    (tmp_path / 'own.pth').touch()
    for name in ('own.json', 'own.pth'):
        error = error_of(Config.fromfile, str(tmp_path / name))
        assert explain(error).startswith(f'config {tmp_path / name}: ')
    error = error_of(open, tmp_path)
    assert explain(error) == f'{tmp_path}: Is a directory'


def test_devices():
    assert choose_device('cpu').type == 'cpu' and choose_device() == choose_device(None)
    with pytest.raises(UserError, match="finds no device 'cuda:99' here.*there is cpu"):
        choose_device('cuda:99')
