"""Configs of real data name SMPL wherever a body is built, and those of the studio's photographs do not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.config import Config

from mmroi.engine.body_model import dicts_in, use_body_model

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob('configs/[!_]*/*.py'))
BASES = sorted(path for path in ROOT.glob('configs/_base_/datasets/*.py') if path.stem != 'common')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')
SMPL = dict(type='SMPL', model_path='data/body_models/smpl')
OPEN = dict(type='SMPL')


def name_of(path: Path) -> str:
    return f'{path.parent.name}/{path.stem}'


def sets(cfg: Config) -> list[dict]:
    """Datasets that the loaders of a config use."""
    return [part for loader in LOADERS for part in dicts_in(cfg.get(loader)) if 'ann_file' in part]


def is_real(cfg: Config) -> bool:
    return any(part['dataset_name'] != 'synthetic' for part in sets(cfg))


def bodies(cfg: Config) -> Iterator[dict | None]:
    """What the model (where there is one), all metrics and all data sets are built with."""
    if 'model' in cfg:
        yield cfg.model.get('body_model')
    for evaluator in EVALUATORS:
        for metric in dicts_in(cfg[evaluator]):
            if metric.get('type') == 'MeshMetric':
                yield metric.get('body_model')
    for part in sets(cfg):
        if is_real(cfg) or 'body_model' in part:  # nothing need be derived for the studio's
            yield part.get('body_model')


@pytest.mark.parametrize('path', [*CONFIGS, *BASES], ids=name_of)
def test_smpl_belongs_to_real_data_and_the_open_body_to_the_studios(path):
    cfg = Config.fromfile(path, import_custom_modules=False)
    assert is_real(cfg) == ('synthetic' not in path.stem)
    found = list(bodies(cfg))
    assert len(found) >= 2 and all(body == (SMPL if is_real(cfg) else OPEN) for body in found), found
    metrics = [part for part in dicts_in(cfg.test_evaluator) if 'protocol' in part]
    assert {is_real(cfg)} == {metric['protocol'] != 'synthetic' for metric in metrics}


@pytest.mark.parametrize('path', CONFIGS, ids=name_of)
def test_one_switch_changes_all_of_them(path):
    cfg = Config.fromfile(path, import_custom_modules=False)
    use_body_model(cfg, 'elsewhere')
    assert all(body == dict(SMPL, model_path='elsewhere') for body in bodies(cfg))
    assert SMPL['model_path'] not in cfg.pretty_text
