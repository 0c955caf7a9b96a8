"""What `mmroi info` says about an installation."""

import numpy as np

from mmroi.apis.model_index import read_model_index
from mmroi.cli.info import describe_installation
from mmroi.version import __version__


def test_versions_files_and_models(tmp_path, monkeypatch):
    (tmp_path / 'data/synthetic/quick').mkdir(parents=True)
    np.savez(tmp_path / 'data/synthetic/quick/val.npz', a=1)
    (tmp_path / 'data/body_models/smpl').mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    lines = [*describe_installation()]
    headings = [heading for heading, _ in lines if heading]
    assert headings[0] == 'mmroi' and len(set(headings)) == len(headings)
    text = '\n'.join(text for _, text in lines)
    assert __version__ in lines[0][1]
    assert 'synthetic: data/synthetic/quick/val.npz' in text
    assert 'SMPL, neutral: no data/body_models/smpl/SMPL_NEUTRAL.pkl' in text
    ready = [model for model in read_model_index().values() if model.weights and model.weights.is_file()]
    assert ready and all(f'{model.name}: {model.weights}' in text for model in ready)
    assert f'{len(read_model_index()) - len(ready)} more without weights' in text
