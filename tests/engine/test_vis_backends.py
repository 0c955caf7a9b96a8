import importlib.machinery

import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS

from mmroi.engine import vis_backends
from mmroi.engine.vis_backends import BACKENDS, add_vis_backends
from mmroi.utils.choices import VIS_BACKENDS
from mmroi.utils.errors import UserError


@pytest.fixture
def installed(monkeypatch):
    names = {'tensorboard', 'mlflow'}
    spec = importlib.machinery.ModuleSpec('x', None)
    monkeypatch.setattr(vis_backends, 'find_spec', lambda name: spec if name in names else None)
    return names


def types(cfg):
    return [backend['type'] for backend in cfg.visualizer.vis_backends]


def test_the_words_are_those_of_mmengine():
    assert tuple(BACKENDS) == VIS_BACKENDS
    assert all(VISBACKENDS.get(backend) for backend, _ in BACKENDS.values())


def test_backends_are_added_once(installed):
    cfg = Config(dict(visualizer=dict(type='MeshVisualizer', vis_backends=[dict(type='LocalVisBackend')])))
    add_vis_backends(cfg, ['mlflow', 'tensorboard', 'mlflow'])
    assert types(cfg) == ['LocalVisBackend', 'MLflowVisBackend', 'TensorboardVisBackend']
    cfg.visualizer.vis_backends[1].exp_name = 'mine'
    add_vis_backends(cfg, ['mlflow'])
    assert len(types(cfg)) == 3 and cfg.visualizer.vis_backends[1].exp_name == 'mine'


@pytest.mark.parametrize('content', [{}, dict(visualizer=dict(type='Visualizer'))])
def test_a_config_without_backends_keeps_its_own_files(installed, content):
    cfg = Config(content)
    add_vis_backends(cfg, ['tensorboard'])
    assert types(cfg) == ['LocalVisBackend', 'TensorboardVisBackend']


def test_what_is_missing_is_named(installed):
    with pytest.raises(UserError, match='--vis .* clearml needs .*: pip install wandb clearml$'):
        add_vis_backends(Config({}), ['tensorboard', 'wandb', 'clearml'])
