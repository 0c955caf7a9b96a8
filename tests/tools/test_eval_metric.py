"""Dumped results, evaluated by the command-line tool."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.evaluation import DumpMeshResults, MeshMetric
from mmroi.structures import HMRDataSample

TOOL = Path(__file__).parents[2] / 'tools' / 'analysis_tools' / 'eval_metric.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('eval_metric', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def samples():
    """Three people, each predicted a little wrong."""
    body_model, rng = SMPL().eval(), torch.Generator().manual_seed(0)

    def normal(*shape, scale=0.2):
        return scale * torch.randn(*shape, generator=rng)

    samples = []
    for action in ('Walking', 'Eating', 'Walking'):
        label = dict(global_orient=normal(1, 3), body_pose=normal(1, 23, 3), betas=normal(1, 10))
        label.update(pelvis=torch.tensor([[0.0, 0.0, 5.0]]), has_smpl=torch.ones(1), has_transl=torch.ones(1))
        rotations = torch.linalg.qr(torch.eye(3) + normal(24, 3, 3))[0]
        body = body_model(rotations[None, 0], rotations[None, 1:], label['betas'])
        sample = HMRDataSample(
            metainfo=dict(
                img_path=f'S9_{action}.60457274_000001.jpg',
                gender='neutral',
                boxes=np.zeros((2, 3)),
                focal_length=500.0,
            )
        )
        sample.gt_instances = InstanceData(**label)
        sample.pred_instances = InstanceData(
            global_orient=rotations[None, 0],
            body_pose=rotations[None, 1:],
            betas=label['betas'],
            vertices=body.vertices,
            joints3d=body.joints,
            joints_h36m=body.joints_h36m,
            local_cameras=normal(1, 2, 3),
            full_cameras=normal(1, 2, 3),
            camera_translation=normal(1, 3) + label['pelvis'],
        )
        samples.append(sample.to_dict())
    return samples


@pytest.fixture
def results(samples, tmp_path):
    metric = DumpMeshResults(str(tmp_path / 'ours.npz'))
    metric.process(None, samples)
    metric.evaluate(len(samples))
    return tmp_path / 'ours.npz'


def run(tool, monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['eval_metric.py', *map(str, arguments)])
    tool.main()


def test_numbers_tables_and_plots(tool, results, samples, tmp_path, monkeypatch, capsys):
    other = tmp_path / 'other.npz'
    other.write_bytes(results.read_bytes())
    out = tmp_path / 'out'
    files = ('--json', out / 'numbers.json', '--tables', out / 'tables', '--plots', out / 'plots')
    run(tool, monkeypatch, results, other, '--protocol', 'h36m_p1', '--batch-size', 2, *files)
    metric = MeshMetric('h36m_p1')
    metric.process(None, samples)
    online = metric.evaluate(len(samples))
    numbers = json.loads((out / 'numbers.json').read_text())
    assert set(numbers) == {'ours', 'other'}
    assert numbers['ours'] == numbers['other'] == pytest.approx(online, rel=1e-5)
    assert f'MPJPE {online["h36m_p1/MPJPE"]:.2f}' in capsys.readouterr().out
    rows = list(csv.reader((out / 'tables' / 'ours' / 'h36m_p1_per_action.csv').open()))
    assert [row[:2] for row in rows[1:]] == [['Eating', '1'], ['Walking', '2'], ['all', '3']]
    assert {path.name for path in (out / 'plots').iterdir()} == {
        'h36m_p1_per_joint.png',
        'h36m_p1_per_action.png',
    }


def test_paired(tool, results, tmp_path, monkeypatch, capsys):
    other = tmp_path / 'theirs.npz'
    other.write_bytes(results.read_bytes())
    run(tool, monkeypatch, results, other, '--protocol', 'synthetic', '--paired')
    lines = capsys.readouterr().out.splitlines()
    start = lines.index('ours -> theirs')
    assert lines[start + 2].split()[0] == 'MPJPE' and lines[start + 2].endswith('+0.0 %')
    assert lines[-1] == 'MPJPE of 0.0 % of 3 people is more than 5 mm worse'


def test_one_camera_of_all(tool, results, samples, tmp_path, monkeypatch):
    with np.load(results) as file:
        arrays = dict(file)
    paths = arrays['meta.img_path'].tolist()
    arrays['meta.img_path'] = np.array([paths[0].replace('60457274', '54138969'), *paths[1:]])
    np.savez(results, **arrays)
    with pytest.raises(ValueError, match='is from 54138969'):
        run(tool, monkeypatch, results, '--protocol', 'h36m_p2')
    numbers = tmp_path / 'numbers.json'
    run(tool, monkeypatch, results, '--protocol', 'h36m_p2', '--other-cameras', 'skip', '--json', numbers)
    metric = MeshMetric('h36m_p2')
    metric.process(None, samples[1:])
    assert json.loads(numbers.read_text())['ours'] == pytest.approx(metric.evaluate(2), rel=1e-5)


def test_bad_arguments(tool, results, tmp_path, monkeypatch, capsys):
    for arguments, message in {
        (results, '--protocol', 'h37m'): 'choose from',
        (results, '--protocol', '3dpw', '--batch-size', 0): '--batch-size: must be at least 1',
        (results, results, '--protocol', '3dpw'): 'RESULTS must differ',
    }.items():
        with pytest.raises(SystemExit):
            run(tool, monkeypatch, *arguments)
        assert message in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match='absent.npz: no such file'):
        run(tool, monkeypatch, tmp_path / 'absent.npz', '--protocol', '3dpw')
    with pytest.raises(ValueError, match='it leaves no choice'):
        run(tool, monkeypatch, results, '--protocol', '3dpw', '--gt', 'dataset')
