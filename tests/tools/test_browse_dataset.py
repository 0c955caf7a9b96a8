"""Pictures of a data set, by the command-line tool."""

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmroi.fileio import HumanData
from mmroi.registry import DATASETS
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'analysis_tools' / 'browse_dataset.py'
CONFIG = """
_base_ = {base!r}
parts = [dict(type='HumanImageDataset', ann_file=name + '.npz') for name in ('train', 'focal', 'flat')]
train_dataloader = dict(
    sampler=dict(ratios=[1, 2, 1]), dataset=dict(data_root={root!r}, datasets=parts))
"""


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('browse_dataset', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A mixture of a good set, one whose focal lengths are wrong, and one with 2D keypoints only."""
    root = tmp_path_factory.mktemp('photos')
    make_dataset(root, StudioSettings('easy', 96, 0), 6, 1, workers=1, progress=False)
    people = dict(HumanData.fromfile(root / 'train.npz'))
    misc = {**people['misc'], 'focal_length': 2 * people['misc']['focal_length']}
    HumanData({**people, 'misc': misc}).dump(root / 'focal.npz')
    flat = {key: people[key] for key in people if not key.startswith(('smpl', 'keypoints3d', 'misc'))}
    HumanData(flat).dump(root / 'flat.npz')
    path = root / 'config.py'
    base = str(ROOT / 'configs' / '_base_' / 'datasets' / 'mixture.py')
    path.write_text(CONFIG.format(base=base, root=f'{root}/'))
    return path


def test_as_a_user(config, tmp_path):
    done = subprocess.run(
        [sys.executable, TOOL, config, '--num', '8', '--out-dir', tmp_path / 'out', '--body-model', 'open'],
        env={'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert '8/8' in done.stderr  # the progress bar
    pictures = sorted(path.name for path in (tmp_path / 'out').iterdir())
    assert pictures.pop() == 'sheet.jpg' and len(pictures) == 8
    drawn = Counter(name.split('_')[1] for name in pictures)
    assert drawn == dict(train=2, focal=4, flat=2)  # by the sampler's shares
    assert 'labels of 4 disagree' in done.stdout
    wrong = [line for line in done.stdout.splitlines() if line.startswith('  ')]
    assert all(line.startswith('  focal row ') and 'residual' in line for line in wrong)
    for name in ('sheet.jpg', pictures[0]):
        assert min(cv2.imread(str(tmp_path / 'out' / name)).shape[:2]) > 500


def test_other_people_with_another_seed_and_the_same_with_the_same(config, tool):
    cfg = Config.fromfile(config).train_dataloader
    init_default_scope('mmroi')
    dataset = DATASETS.build(cfg.dataset)
    for sampler in (cfg.sampler, {}):
        first, again, other = (tool.draw_indices(dataset, sampler, 8, seed) for seed in (0, 0, 1))
        assert first == again != other
    assert sorted(tool.draw_indices(dataset, {}, 1000, 0)) == list(range(len(dataset)))


def test_samples_are_those_of_the_data_sets_own_pipeline(config, tool):
    cfg = Config.fromfile(config).train_dataloader.dataset.to_dict()
    init_default_scope('mmroi')
    changed = tool.for_drawing(cfg)
    assert [step['type'] for step in cfg['pipeline']][-2:] == ['MultiRoICrop', 'PackHMRInputs']
    assert 'keep_img' not in cfg['pipeline'][-2]
    shown, packed = DATASETS.build(changed), DATASETS.build(cfg)
    for index in (0, 7, 13):
        np.random.seed(index)
        sample = shown[index]
        np.random.seed(index)
        seen = packed[index]
        np.testing.assert_array_equal(sample['crops'], seen['inputs'].permute(0, 2, 3, 1))
        np.testing.assert_array_equal(sample['keypoints2d'], seen['data_samples'].gt_instances.keypoints2d[0])
        assert sample['img'].shape[:2] == sample['img_shape']


def test_scoped_types_and_nested_sets(tool):
    crop, pack = dict(type='mmroi.MultiRoICrop'), dict(type='mmroi.PackHMRInputs')
    config = dict(type='RepeatDataset', dataset=dict(type='A', pipeline=[dict(type='LoadImage'), crop, pack]))
    assert tool.for_drawing(config)['dataset']['pipeline'] == [
        dict(type='LoadImage'),
        dict(type='mmroi.MultiRoICrop', keep_img=True),
    ]


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['nothing.py'], 'config nothing.py does not exist'),
        (['{config}', '--num', '0'], '--num must be at least 1, not 0'),
        (['{config}', '--split', 'val', '--body-model', 'open'], 'pw3d_test.npz: no such annotation file'),
        (['{config}'], 'no body model at data/body_models/smpl/SMPL_NEUTRAL.pkl: download SMPL'),
    ],
)
def test_bad_input(config, tool, capsys, monkeypatch, tmp_path, arguments, message):
    arguments = [argument.format(config=config) for argument in arguments]
    monkeypatch.setattr(sys, 'argv', ['browse_dataset.py', *arguments])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        tool.run_tool(tool.main)
    assert message in capsys.readouterr().err + str(end.value)
    assert not any(tmp_path.iterdir())
