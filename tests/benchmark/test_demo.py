"""The demo: a suite of two rows to train and two shipped models, on a few small images."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmroi.benchmark import frame_rate, photos, profiles, results, runs, suites
from mmroi.benchmark.person_groups import KINDS, person_groups
from mmroi.evaluation import DumpMeshResults, MeshResults
from mmroi.evaluation.person_errors import save_person_errors
from mmroi.registry import DATASETS, MODELS
from mmroi.synthetic import StudioSettings, make_dataset

from ..conftest import SHIPPED_CLIFF

ROOT = Path(__file__).parents[2]
MILLION_PARAMETERS = {
    'CLIFF, just trained': 7.28,
    'Multi-RoI, just trained': 8.38,
    'CLIFF, shipped': 10.28,
    'Multi-RoI, shipped': 13.1,
}
PROFILE = f"""
_base_: {profiles.PROFILES / 'demo.yml'}
synthetic: {{out: images, num_train: 1, num_val: 3, image_size: 96}}
overrides:
  test_dataloader.num_workers: 0
  test_dataloader.persistent_workers: false
"""


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """A folder in which the runs of the demo are done, with networks that have learned nothing."""
    root = tmp_path_factory.mktemp('demo')
    (root / 'tiny.yml').write_text(PROFILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        make_dataset('images', StudioSettings('easy', 96, 0), 1, 3, 1)
        profile = profiles.load_profile('tiny.yml')
        init_default_scope('mmroi')
        planned = runs.plan(suites.load_suite('demo').rows, profile.seeds, Path('demo'))
        networks = {run.row.name: frame_rate._digest(run, profile) for run in planned}
        rates = dict(fps=dict.fromkeys(networks, 200.0), networks=networks, device='2 cores')
        Path('demo').mkdir()
        Path('demo/speed.json').write_text(json.dumps(rates))
        for run in planned:
            config = profiles.for_testing(profiles.network_config(run.row, profile, run.seed))
            (run.folder / 'train').mkdir(parents=True)
            config.dump(run.config('test'))
            model = MODELS.build(config.model).eval()
            for name, value in model.named_parameters():
                if run.row.name == 'cliff' and 'decoders' in name:  # its regressors add nothing to the mean
                    torch.nn.init.zeros_(value)
            dataset = DATASETS.build(config.test_dataloader.dataset)
            metric = DumpMeshResults(str(run.results))
            with torch.no_grad():
                samples = model.test_step(pseudo_collate([dataset[i] for i in range(len(dataset))]))
            metric.process(None, [sample.to_dict() for sample in samples])
            metric.evaluate(len(dataset))
            record = dict(people_seen=0, date='2026-01-02T03:04:05', device='2 cores', code='mmroi 1')
            run.record.write_text(json.dumps(record))
            if run.row.checkpoint:
                (run.folder / 'train').rmdir()
            else:
                log = run.folder / 'train' / '20260101_100000' / 'vis_data' / 'scalars.json'
                log.parent.mkdir(parents=True)
                log.write_text(json.dumps(dict(loss=1.0, loss_keypoints2d=1.0, time=30.0, step=1, epoch=1)))
    return root


def test_table_and_images(demo, monkeypatch, capsys):
    monkeypatch.chdir(demo)
    arguments = [
        'demo',
        '--profile',
        'tiny.yml',
        '--work-dir',
        'demo',
        '--report-dir',
        'demo',
        '--report-only',
    ]
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *arguments])
    runpy.run_path(str(ROOT / 'tools' / 'benchmark.py'), run_name='__main__')
    markdown = (demo / 'demo' / 'report.md').read_text(encoding='utf-8')
    assert markdown in capsys.readouterr().out
    assert 'not a benchmark' in markdown and 'The paper' not in markdown
    lines = [line.strip('|').split('|') for line in markdown.splitlines() if line.startswith('|')]
    lines = [[cell.strip() for cell in line] for line in lines]
    assert lines[0] == [
        '',
        'MPJPE mm',
        'PA-MPJPE mm',
        'PVE mm',
        'camera error mm',
        'camera spread mm',
        'parameters M',
        'training min',
        'ms / person',
    ]
    table = {line[0]: line[1:] for line in lines[2:]}
    trained = ['CLIFF, just trained', 'Multi-RoI, just trained']
    assert list(table) == ['mean pose', *MILLION_PARAMETERS]
    mean, other = float(table['mean pose'][0]), table['Multi-RoI, shipped'][0]
    error, relative = other.split(' ', 1)
    assert relative == f'({100 * (float(error) / mean - 1):+.0f} %)'
    for row in MILLION_PARAMETERS:
        assert float(table[row][4]) > 0  # spread of cameras
        assert float(table[row][5]) == pytest.approx(MILLION_PARAMETERS[row], abs=0.01)
        assert (table[row][6] == '–') == (row not in trained)
        assert table[row][7] == '5.00'
    pictures = sorted((demo / 'demo' / 'pictures').glob('*.jpg'))
    assert [path.stem for path in pictures[3:]] == ['real_people', 'sheet'] and len(pictures) == 5
    height, width = cv2.imread(str(pictures[0])).shape[:2]
    assert height >= 512 and width == 3 * height
    three_photos = cv2.imread(str(pictures[3]))
    assert three_photos.shape[0] >= 3 * photos.HEIGHT and three_photos.std() > 30


def test_the_mean_pose_is_the_start_of_an_untrained_network(demo, monkeypatch):
    """Regressors that add nothing give the mean parameters."""
    monkeypatch.chdir(demo)
    profile = profiles.load_profile('tiny.yml')
    run = runs.plan(suites.load_suite('demo').rows, profile.seeds, Path('demo'))[0]
    errors, untrained = results.mean_pose(run), results.measure(run).numbers
    assert errors['MPJPE'] == pytest.approx(untrained['MPJPE'], rel=1e-4)
    assert errors['depth'] == pytest.approx(untrained['depth'], rel=1e-4)


def test_images_of_people_are_known_even_if_the_errors_were_written_without(demo, monkeypatch):
    monkeypatch.chdir(demo)
    run = runs.plan(suites.load_suite('demo').rows, profiles.load_profile('tiny.yml').seeds, Path('demo'))[0]
    expected = results.measure(run)
    np.testing.assert_array_equal(expected.images, MeshResults(run.results).arrays['meta.img_path'])
    save_person_errors([{'MPJPE': 1.0}] * expected.people, run.errors, 'synthetic')
    found = results.measure(run)
    shutil.rmtree(run.errors)
    assert found.numbers == expected.numbers and list(found.images) == list(expected.images)


def test_groups_of_people(demo, monkeypatch):
    """Bins have each person once; who is fully visible is neither cut off nor hidden."""
    monkeypatch.chdir(demo)
    profile = profiles.load_profile('tiny.yml')
    run = runs.plan(suites.load_suite('demo').rows, profile.seeds, Path('demo'))[0]
    groups = person_groups(run.config('test'), run.results, KINDS)
    people = len(MeshResults(run.results))
    for kind in ('focal length', 'distance', 'offset'):
        bins = [mask for name, mask in groups.items() if name.startswith(f'{kind} ')]
        assert all(mask.any() for mask in bins) and np.array_equal(np.sum(bins, axis=0), np.ones(people))
    truncated, occluded, visible = (
        groups.get(name, np.zeros(people, bool)) for name in ('truncated', 'occluded', 'fully visible')
    )
    np.testing.assert_array_equal(visible, ~(truncated | occluded))


def test_a_shipped_model_is_tested_and_not_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'tiny.yml').write_text(PROFILE)
    monkeypatch.setattr(
        sys,
        'argv',
        ['benchmark.py', 'demo', '--profile', 'tiny.yml', '--rows', 'cliff_shipped', '--work-dir', 'demo'],
    )
    monkeypatch.setattr('mmroi.benchmark.frame_rate.SECONDS', 0)
    runpy.run_path(str(ROOT / 'tools' / 'benchmark.py'), run_name='__main__')
    assert '[1/1] cliff_shipped: MPJPE ' in capsys.readouterr().out
    [record] = (tmp_path / 'demo' / 'runs').rglob('run.json')
    folder = record.parent
    assert folder.parent.name == f'{SHIPPED_CLIFF.config.stem}_from_{SHIPPED_CLIFF.weights.stem}'
    assert not (folder / 'train').exists() and not list(folder.rglob('*.pth'))
    # Another checkpoint is tested again.
    suite = suites.load_suite('demo').select(['cliff_shipped'])
    [run] = runs.plan(suite.rows, [0], Path('demo'))
    assert run.is_done
    checkpoint = tmp_path / 'new.pth'
    checkpoint.touch()
    row = suites.Row(run.row.name, run.row.label, run.row.config, checkpoint=str(checkpoint))
    assert not runs.Run(row, 0, run.folder).is_done
