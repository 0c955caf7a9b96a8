import importlib
import sys

import mmengine.hub
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmroi.compat import mmengine_scope
from mmroi.engine.pipelines import load_config

from ..conftest import ROOT, SHIPPED_CLIFF


def test_configs_are_named_by_scope(tmp_path):
    mmengine_scope.install()
    path = tmp_path / 'own.py'
    base = 'mmroi::cliff/cliff_r18_1xb64-20e_synthetic-96x72.py'
    path.write_text(f'_base_ = [{base!r}]\ntrain_dataloader = dict(batch_size=3)\n')
    expected = load_config(ROOT / 'configs/cliff/cliff_r18_1xb64-20e_synthetic-96x72.py')
    expected.train_dataloader.batch_size = 3
    assert load_config(path).to_dict() == expected.to_dict()


def test_what_does_not_exist_is_named(tmp_path):
    (tmp_path / 'own.py').write_text("_base_ = 'mmroi::cliff/gone.py'\n")
    with pytest.raises(FileNotFoundError, match='mmroi::cliff/gone.py does not exist'):
        load_config(tmp_path / 'own.py')


def test_other_bases_are_mmengines(tmp_path):
    (tmp_path / 'base.py').write_text('a = 1\n')
    (tmp_path / 'own.py').write_text("_base_ = './base.py'\n")
    assert Config.fromfile(tmp_path / 'own.py').a == 1
    for name in ('mmnothing::a/b.py', 'mmnothing::a/b'):
        (tmp_path / 'own.py').write_text(f"_base_ = '{name}'\n")
        with pytest.raises(AssertionError, match='mmnothing'):
            Config.fromfile(tmp_path / 'own.py')
    with pytest.raises(AssertionError, match='mmnothing'):
        mmengine.hub.get_config('mmnothing::a/b.py')


def test_the_hub_of_mmengine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f'mmroi::{SHIPPED_CLIFF.config.parent.name}/{SHIPPED_CLIFF.config.name}'
    cfg = mmengine.hub.get_config(name, pretrained=True)
    assert cfg.model_path == str(SHIPPED_CLIFF.weights)
    assert cfg.model.to_dict() == load_config(SHIPPED_CLIFF.config).model.to_dict()
    with DefaultScope.overwrite_default_scope('mmengine'):
        model = mmengine.hub.get_model(name, pretrained=True)
    assert type(model).__name__ == 'MeshEstimator' and model._is_init


def test_modules_are_extended_when_they_are_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, 'mmengine.hub.hub')
    original = mmengine.hub.get_config
    monkeypatch.setattr(mmengine.hub, 'get_config', None)
    again = importlib.import_module('mmengine.hub.hub')
    assert again.get_config is mmengine.hub.get_config is not original
    with pytest.raises(FileNotFoundError, match='mmroi::a/b does not exist'):
        again.get_config('mmroi::a/b')
