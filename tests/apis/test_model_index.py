from pathlib import Path

import pytest

from mmroi.apis import IndexedModel, MultiRoIInferencer, find_model, model_index, read_model_index
from mmroi.apis.inference.inferencer import DEFAULT_MODEL
from mmroi.apis.model_index import limits_of, load_indexed_config
from mmroi.utils import installation
from mmroi.utils.installation import find_file

from ..conftest import SHIPPED_CLIFF, SHIPPED_MULTI_ROI

SHIPPED = (SHIPPED_MULTI_ROI.name, SHIPPED_CLIFF.name)


def test_every_model_of_the_index_has_its_config():
    models = read_model_index()
    assert len(models) > 30 and all(model.config.is_file() for model in models.values())


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_models_are_found_with_their_weights(name):
    model, root = find_model(name.upper()), Path(model_index.__file__).parents[2]
    assert model.name == name
    assert model.weights.parent == root / 'checkpoints' and model.weights.is_file()


def test_who_learned_from_synthetic_images_says_so():
    assert limits_of(DEFAULT_MODEL).startswith(f'{DEFAULT_MODEL} learned 3D from synthetic images alone')
    assert limits_of(find_model(DEFAULT_MODEL).config) == limits_of(DEFAULT_MODEL)
    assert limits_of(DEFAULT_MODEL, 'mine.pth') is None
    assert limits_of('multi-roi_r50_1xb48-25e_mixture-256x192') is None


def test_the_inferencer_lists_the_names_of_the_index():
    assert MultiRoIInferencer.list_models() == list(read_model_index())
    assert set(MultiRoIInferencer.list_models(patterns='_synthetic')) >= set(SHIPPED)


def test_the_inferencer_runs_the_shipped_multi_roi_by_default():
    assert DEFAULT_MODEL == SHIPPED_MULTI_ROI.name


def test_a_model_without_weights():
    assert find_model('hmr_r50_published-1xb48-5e_pw3d-224x224').weights is None


def test_a_config_is_its_model(tmp_path, monkeypatch):
    config = SHIPPED_CLIFF.config
    monkeypatch.chdir(config.parents[2])
    for name in (config, str(config.relative_to(Path.cwd())), f'mmroi::{config.parent.name}/{config.name}'):
        assert find_model(name) == SHIPPED_CLIFF
    own = tmp_path / config.name  # of the same name
    own.touch()
    assert find_model(own) == IndexedModel(config.stem, own, None)
    assert load_indexed_config(f'mmroi::{config.stem}', pretrained=True).model_path == str(
        SHIPPED_CLIFF.weights
    )
    with pytest.raises(
        FileNotFoundError, match='names no weights for hmr_r50_published-1xb48-5e_pw3d-224x224'
    ):
        load_indexed_config('mmroi::hmr_r50_published-1xb48-5e_pw3d-224x224', pretrained=True)


def test_unknown_names_are_explained():
    name = SHIPPED_MULTI_ROI.name
    with pytest.raises(FileNotFoundError, match=f'config {name[:-1]} does not exist; did you mean {name}'):
        find_model(name[:-1])
    with pytest.raises(
        FileNotFoundError, match=f'config xyzzy does not exist; models with weights: .*{SHIPPED_CLIFF.name}'
    ):
        find_model('xyzzy')
    message = f'^config configs/nothing.py does not exist; .*{SHIPPED_CLIFF.name}'
    with pytest.raises(FileNotFoundError, match=message):
        find_model('configs/nothing.py')


def test_installed_package_and_absent_index(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path / 'checkout', tmp_path))
    with pytest.raises(FileNotFoundError, match='give a config file'):
        read_model_index()
    (tmp_path / 'model-index.yml').write_text('Import: [a.yml]')
    models = '[{Name: N, Config: c.py, Weights: w.pth}, {Name: O, Config: o.py}]'
    (tmp_path / 'a.yml').write_text(f'Models: {models}')
    found = read_model_index()
    assert found['N'].weights == tmp_path / 'w.pth' and found['O'].config == tmp_path / 'o.py'


def test_configs_are_found_in_a_checkout_and_in_an_installed_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path / 'checkout', tmp_path / '.mim'))
    with pytest.raises(FileNotFoundError, match=r'configs/a.py is neither in .*checkout nor in .*\.mim'):
        find_file('configs/a.py')
    for folder in (tmp_path / '.mim', tmp_path / 'checkout'):
        (folder / 'configs').mkdir(parents=True)
        (folder / 'configs' / 'a.py').touch()
        assert find_file('configs/a.py') == folder / 'configs' / 'a.py'
    monkeypatch.chdir(tmp_path / '.mim')
    assert find_file('configs/a.py') == tmp_path / 'checkout' / 'configs' / 'a.py'
