import pytest

from mmroi.apis import SHIPPED, find_shipped
from mmroi.apis.inference import find_model, model_index, read_model_index


def test_every_model_of_the_index_has_its_config():
    models = read_model_index()
    assert len(models) > 30 and all(model.config.is_file() for model in models.values())


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_models_are_found_with_their_weights(name):
    model = find_model(name.upper())
    assert (model.config, model.weights) == (find_shipped(name).config, find_shipped(name).checkpoint)


def test_a_model_without_weights():
    assert find_model('hmr_r50_published').weights is None


def test_unknown_names_are_explained():
    with pytest.raises(FileNotFoundError, match=r"'multi-roi_r18' .*; do you mean multi-roi_r18_synthetic"):
        find_model('multi-roi_r18')
    with pytest.raises(FileNotFoundError, match='with weights come .*cliff_r18_synthetic'):
        find_model('xyzzy')
    with pytest.raises(FileNotFoundError, match=r'^config configs/nothing.py does not exist$'):
        find_model('configs/nothing.py')


def test_installed_package_and_absent_index(tmp_path, monkeypatch):
    monkeypatch.setattr(model_index, 'ROOTS', (tmp_path / 'checkout', tmp_path))
    with pytest.raises(FileNotFoundError, match='name a config file'):
        read_model_index()
    (tmp_path / 'model-index.yml').write_text('Import: [a.yml]')
    models = '[{Name: N, Config: c.py, Weights: w.pth}, {Name: O, Config: o.py}]'
    (tmp_path / 'a.yml').write_text(f'Models: {models}')
    found = read_model_index()
    assert found['N'].weights == tmp_path / 'w.pth' and found['O'].config == tmp_path / 'o.py'
