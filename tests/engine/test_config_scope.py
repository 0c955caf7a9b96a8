import pytest
from mmengine.config import Config

from mmroi.engine import config_scope
from mmroi.engine.pipelines import load_config
from mmroi.utils.installation import find_file

from ..conftest import ROOT


def test_configs_are_named_by_scope(tmp_path):
    config_scope.install(find_file)
    config_scope.install(find_file)
    path = tmp_path / 'own.py'
    path.write_text(
        "_base_ = ['mmroi::cliff/cliff_r18_synthetic.py']\ntrain_dataloader = dict(batch_size=3)\n"
    )
    expected = load_config(ROOT / 'configs/cliff/cliff_r18_synthetic.py')
    expected.train_dataloader.batch_size = 3
    assert load_config(path).to_dict() == expected.to_dict()


def test_what_does_not_exist_is_named(tmp_path):
    (tmp_path / 'own.py').write_text("_base_ = 'mmroi::cliff/gone.py'\n")
    with pytest.raises(FileNotFoundError, match='configs/cliff/gone.py is neither in'):
        load_config(tmp_path / 'own.py')


def test_other_bases_are_mmengines(tmp_path):
    (tmp_path / 'base.py').write_text('a = 1\n')
    (tmp_path / 'own.py').write_text("_base_ = './base.py'\n")
    assert Config.fromfile(tmp_path / 'own.py').a == 1
    (tmp_path / 'own.py').write_text("_base_ = 'mmnothing::a/b.py'\n")
    with pytest.raises(AssertionError, match='mmnothing'):
        Config.fromfile(tmp_path / 'own.py')
