import warnings
from pathlib import Path

import pytest

from mmroi.utils import config_names, installation
from mmroi.utils.config_names import find_config, list_configs
from mmroi.utils.renamed_configs import REMOVED_IN, RENAMED
from mmroi.version import __version__


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """An installed copy with two configs, one of which had another name."""
    root = tmp_path / 'package' / '.mim'
    for name in ('_base_/models/net.py', 'nets/net_r50_1xb8-2e_mine-0.5.py', 'nets/other.py'):
        (root / 'configs' / name).parent.mkdir(parents=True, exist_ok=True)
        (root / 'configs' / name).touch()
    (root / 'model-index.yml').touch()
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path / 'checkout', root))
    monkeypatch.setattr(
        config_names, 'RENAMED', {'net_mine-0.5': 'net_r50_1xb8-2e_mine-0.5', 'gone': 'never'}
    )
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    return root / 'configs'


@pytest.mark.parametrize('prefix', ['', 'nets/', 'configs/nets/', 'mmroi::nets/', 'mmroi::'])
@pytest.mark.parametrize('suffix', ['', '.py'])
def test_names(copy, prefix, suffix):
    wanted = copy / 'nets' / 'net_r50_1xb8-2e_mine-0.5.py'
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert find_config(f'{prefix}net_r50_1xb8-2e_mine-0.5{suffix}') == wanted
        assert find_config(f'{prefix}Net_R50_1xb8-2e_mine-0.5{suffix}') == wanted
    message = 'the config net_mine-0.5 is now called net_r50_1xb8-2e_mine-0.5; mmroi .* no longer knows'
    with pytest.warns(FutureWarning, match=message):
        assert find_config(f'{prefix}net_mine-0.5{suffix}') == wanted


def test_a_file_comes_first(copy):
    Path('nets').mkdir()
    Path('nets/other.py').touch()
    assert find_config('nets/other.py') == Path('nets/other.py')
    assert find_config(str(Path('nets/other.py').resolve())) == Path('nets/other.py').resolve()
    assert find_config('other') == copy / 'nets' / 'other.py'


def test_parts_of_configs_are_named_with_their_folder(copy):
    assert find_config('mmroi::_base_/models/net.py') == copy / '_base_' / 'models' / 'net.py'
    assert 'net' not in list_configs() and '_base_/models/net' in list_configs()


@pytest.mark.parametrize(
    'name, message',
    [
        ('mmroi::nets/othr.py', 'config mmroi::nets/othr.py does not exist; did you mean other?'),
        ('net_mine-0.4', 'did you mean net_r50_1xb8-2e_mine-0.5'),  # an old name, nearly
        (
            '/elsewhere/xyz.py',
            'config /elsewhere/xyz.py does not exist$',
        ),
        ('gone', 'config gone does not exist'),
        ('wrong/net_mine-0.5', 'config wrong/net_mine-0.5 does not exist; did you mean net_r50'),
    ],
)
def test_unknown_names(copy, name, message):
    with pytest.raises(FileNotFoundError, match=message.replace('?', r'\?')):
        find_config(name)


def test_a_copy_without_configs(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path,))
    assert list_configs() == {}


def test_old_names_live_for_one_version():
    assert __version__.split('.')[:2] < REMOVED_IN.split('.'), 'delete the names in renamed_configs.py'
    assert len(set(RENAMED.values())) == len(RENAMED) and not set(RENAMED) & set(RENAMED.values())
