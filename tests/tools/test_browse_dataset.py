"""Images of a dataset, by the command-line tool."""

from collections import Counter
from pathlib import Path

import cv2
import pytest

from mmroi.fileio import HumanData
from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).parents[2]
CONFIG = """
_base_ = {base!r}
parts = [dict(type='HumanImageDataset', ann_file=name + '.npz') for name in ('train', 'focal', 'flat')]
train_dataloader = dict(
    sampler=dict(ratios=[1, 2, 1]), dataset=dict(data_root={root!r}, datasets=parts))
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A mixture of a good set, one whose focal lengths are wrong, and one with 2D keypoints only."""
    root = tmp_path_factory.mktemp('images')
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


def test_as_a_user(config, tmp_path, run_tool):
    out = tmp_path / 'out'
    arguments = ('--num', 8, '--out-dir', out, '--body-model', 'open')
    done = run_tool('analysis_tools/browse_dataset.py', config, *arguments)
    pictures = sorted(path.name for path in out.iterdir())
    assert pictures.pop() == 'sheet.jpg' and len(pictures) == 8
    drawn = Counter(name.split('_')[1] for name in pictures)
    assert drawn == dict(train=2, focal=4, flat=2)  # by the sampler's ratios
    assert 'labels of 4 disagree' in done.stdout
    wrong = [line for line in done.stdout.splitlines() if line.startswith('  ')]
    assert all(line.startswith('  focal row ') and 'residual' in line for line in wrong)
    for name in ('sheet.jpg', pictures[0]):
        assert min(cv2.imread(str(out / name)).shape[:2]) > 500


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['nothing.py'], 'config nothing.py does not exist'),
        (['{config}', '--num', '0'], '--num must be at least 1, not 0'),
        (['{config}', '--split', 'val', '--body-model', 'open'], 'pw3d_test.npz: no such annotation file'),
        (['{config}'], 'no body model at data/body_models/smpl/SMPL_NEUTRAL.pkl: download SMPL'),
    ],
)
def test_bad_input(config, run_tool, tmp_path, arguments, message):
    arguments = [argument.format(config=config) for argument in arguments]
    done = run_tool('analysis_tools/browse_dataset.py', *arguments, cwd=tmp_path, check=False)
    assert done.returncode and message in done.stderr.strip().splitlines()[-1]
    assert not any(tmp_path.iterdir())
