"""MMHuman3D comes in when it is asked for, and leaves mmcv as it was."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import mmcv
import pytest
from mmengine.config import Config

from mmroi.compat import mmhuman3d

HEAD = 'models.heads.hmr_head'


def modules_of(*packages):
    return {name: module for name, module in sys.modules.items() if name.split('.')[0] in packages}


@pytest.fixture
def without_mmhuman3d(monkeypatch):
    """As in a process that has not imported it yet."""
    for name in modules_of('mmhuman3d'):
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in modules_of('mmhuman3d'):
        del sys.modules[name]


FRESH = f"""
import sys, mmroi
from mmroi.registry import MODELS
MODELS.build(dict(type='mmroi.CLIFFHead', in_channels=8))
print(any(name.startswith('mmhuman3d') for name in sys.modules))
for name in [name for name in sys.modules if name.split('.')[0] == 'mmcv']:
    del sys.modules[name]
from mmroi.compat import mmhuman3d
head = mmhuman3d.load('{HEAD}')[0].HMRHead(8)
import mmcv
print(mmcv.__version__, 'mmcv.runner' in sys.modules, type(head).__mro__[1].__module__)
"""


def test_our_own_models_do_without_it_and_mmcv_need_not_be_there_before():
    process = subprocess.run([sys.executable, '-c', FRESH], capture_output=True, text=True, check=True)
    assert process.stdout.split() == ['False', mmcv.__version__, 'False', 'mmengine.model.base_module']


def test_mmcv_is_left_as_it_was(without_mmhuman3d):
    import mmcv.cnn  # noqa: F401

    modules, attributes = modules_of('mmcv'), dict(vars(mmcv))
    head, resnet = mmhuman3d.load(HEAD, 'models.backbones.resnet')
    assert resnet.build_conv_layer is mmcv.cnn.build_conv_layer
    assert modules_of('mmcv') == modules and vars(mmcv) == attributes
    assert sys.modules['mmcv'] is mmcv and mmcv.__version__.startswith('2.')
    # It stays, as any import: what is loaded later has the same classes.
    assert mmhuman3d.load(HEAD) == [head]


def test_a_failing_import_is_undone(without_mmhuman3d):
    import mmcv.cnn  # noqa: F401

    modules, attributes = modules_of('mmcv'), dict(vars(mmcv))
    with pytest.raises(RuntimeError, match=r'ModuleNotFoundError: .*no_such_head.*--no-deps'):
        mmhuman3d.load(HEAD, 'models.heads.no_such_head')
    assert not modules_of('mmhuman3d')
    assert modules_of('mmcv') == modules and vars(mmcv) == attributes


def test_a_failing_import_keeps_what_was_there_before(without_mmhuman3d):
    mmhuman3d.load(HEAD)
    before = modules_of('mmhuman3d')
    # The demos want libraries that are not here, after they have imported much.
    with pytest.raises(RuntimeError, match='cannot be imported'):
        mmhuman3d.load('models.architectures.mesh_estimator')
    assert modules_of('mmhuman3d') == before


def test_a_version_that_wants_another_mmcv(without_mmhuman3d, monkeypatch):
    monkeypatch.setattr(mmhuman3d, '_SERVED_VERSION', '1.0.0')
    with pytest.raises(RuntimeError, match=r'AssertionError: MMCV==1\.0\.0 is used but incompatible'):
        mmhuman3d.load(HEAD)
    assert not modules_of('mmhuman3d') and mmcv.__version__.startswith('2.')


def test_without_mmhuman3d_the_error_tells_the_command(without_mmhuman3d, monkeypatch):
    monkeypatch.setattr(mmhuman3d, 'find_spec', lambda name: None)
    with pytest.raises(RuntimeError, match=r'not installed: pip install --no-deps mmhuman3d==0\.11\.0'):
        mmhuman3d.load(HEAD)


def test_one_that_is_there_already_is_taken(without_mmhuman3d, monkeypatch):
    own = ModuleType('mmhuman3d.own')
    monkeypatch.setitem(sys.modules, 'mmhuman3d', ModuleType('mmhuman3d'))
    monkeypatch.setitem(sys.modules, 'mmhuman3d.own', own)
    assert mmhuman3d.load('own') == [own]


def test_a_config_that_names_it_says_so_too(without_mmhuman3d, monkeypatch):
    for name in [name for name in sys.modules if name.startswith('mmroi.models.mmhuman3d')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(mmhuman3d, 'find_spec', lambda name: None)
    with pytest.raises(RuntimeError, match='^MMHuman3D is not installed: pip install'):
        Config.fromfile(
            Path(__file__).parents[2] / 'configs/hmr/hmr_r50_mmhuman3d-1xb48-25e_synthetic-224x224.py'
        )
    assert not [name for name in sys.modules if name == 'mmroi.models.mmhuman3d']
