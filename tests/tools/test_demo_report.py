"""The report of the demo, on a few small photos and models that have learned nothing."""

import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.engine.pipelines import load_config
from mmroi.evaluation import MeshMetric
from mmroi.models import MeshEstimator
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[2]


def load_tool(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    tool = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = tool  # dataclasses look their module up
    spec.loader.exec_module(tool)
    return tool


report = load_tool(ROOT / 'tools' / 'demo_report.py')


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """What ``make demo`` leaves behind before it reports."""
    root = tmp_path_factory.mktemp('demo')
    make_dataset(root / 'data', StudioSettings('easy', 96, 0), 1, 3, 1)
    for name in report.MODELS:
        config = load_config(ROOT / 'configs' / 'demo' / f'{name}_r18_synthetic.py')
        config.test_dataloader.dataset.data_root = f'{root / "data"}/'
        folder = root / name
        folder.mkdir()
        config.dump(folder / f'{name}_r18_synthetic.py')
        model = MeshEstimator(**{key: value for key, value in config.model.items() if key != 'type'})
        for key, value in model.named_parameters():
            if name == 'cliff' and 'decoders' in key:  # its regressors shall add nothing to the mean
                torch.nn.init.zeros_(value)
        torch.save(dict(state_dict=model.state_dict()), folder / 'epoch_1.pth')
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
        (folder / 'metrics.json').write_text(json.dumps({'synthetic/MPJPE': 123.4, 'synthetic/PVE': 130.0}))
    return root


def test_report(demo, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['demo_report.py', str(demo), '--pictures', '2'])
    report.main()
    printed = capsys.readouterr().out
    markdown = (demo / 'report.md').read_text(encoding='utf-8')
    for text in (printed, markdown):
        for needed in (
            'mean pose',
            'CLIFF, just trained',
            'Multi-RoI, just trained',
            '123.4 (',
            'not a benchmark',
        ):
            assert needed in text
    values = [line.split('|') for line in markdown.splitlines() if line.startswith('| Multi-RoI')][0]
    assert float(values[6]) > 0  # spread of cameras
    assert values[7].strip() == '4.27'  # millions of parameters that predict
    pictures = sorted((demo / 'pictures').glob('*.jpg'))
    assert len(pictures) == 3
    height, width = cv2.imread(str(pictures[0])).shape[:2]
    assert height >= 512 and width == 3 * height


def test_the_mean_pose_is_the_start_of_an_untrained_network(demo):
    """Regressors that add nothing give the mean parameters."""
    init_default_scope('mmroi')
    config = Config.fromfile(demo / 'cliff' / 'cliff_r18_synthetic.py')
    dataset = report.build_dataset(config, config)
    errors = report.mean_pose(dataset)
    model = report.init_model(config, demo / 'cliff' / 'epoch_1.pth')
    samples = model.test_step(report.pseudo_collate([dataset[i] for i in range(len(dataset))]))
    metric = MeshMetric()
    metric.process(None, [sample.to_dict() for sample in samples])
    trained = metric.evaluate(len(dataset))
    assert errors['MPJPE'] == pytest.approx(trained['synthetic/MPJPE'], rel=1e-4)
    assert errors['depth'] == pytest.approx(trained['synthetic/depth'], rel=1e-4)


def test_incomplete_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='cliff_r18_synthetic.py does not exist; run `make demo`'):
        report.find_entries(tmp_path)


def test_cells():
    assert report.cell('MPJPE', 80.0, 100.0) == '80.0 (-20 %)'
    assert report.cell('MPJPE', 100.0, 100.0) == '100.0'
    assert report.cell('training', None, 100.0) == '–'
    assert report.cell('parameters', np.float64(4.444), 100.0) == '4.44'
