from pathlib import Path

import pytest

from mmroi.apis import SHIPPED, find_shipped, shipped


def test_every_shipped_model_has_its_config():
    root = Path(shipped.__file__).parents[2]
    assert all((root / model.config).is_file() for model in SHIPPED.values())


def test_found_in_a_checkout_or_an_installed_package(tmp_path, monkeypatch):
    installed = tmp_path / 'mmroi' / '.mim'
    monkeypatch.setattr(shipped, 'ROOTS', (tmp_path, installed))
    model = SHIPPED['cliff_r18_synthetic']
    with pytest.raises(FileNotFoundError, match='make pretrain'):
        find_shipped('cliff_r18_synthetic')
    for root in (installed, tmp_path):
        for path in (root / model.config, root / model.checkpoint):
            path.parent.mkdir(parents=True)
            path.touch()
        found = find_shipped('cliff_r18_synthetic')
        assert found.config == root / model.config and found.checkpoint == root / model.checkpoint


def test_unknown_name():
    with pytest.raises(
        KeyError, match='no shipped model "nobody"; there are: cliff_r18_synthetic, multi-roi'
    ):
        find_shipped('nobody')
