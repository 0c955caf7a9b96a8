"""Training, testing, the demo and export where smplx, whose license is non-commercial, cannot be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmroi.synthetic import StudioSettings, make_dataset

ROOT = Path(__file__).resolve().parents[2]
GATE = """
import importlib.abc, sys

class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'smplx':
            raise ImportError('smplx is out of bounds')

sys.meta_path.insert(0, Gate())
"""
CONFIG = """
_base_ = {base!r}
data_root = {data!r}
dataset = dict(data_root=data_root)
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dataset)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dataset)
test_dataloader = val_dataloader
param_scheduler = []
train_cfg = dict(max_epochs=1, val_interval=1)
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, small_cliff: Path) -> Path:
    """A small config, its dataset, and the module that closes the door."""
    folder = tmp_path_factory.mktemp('without_smplx')
    make_dataset(folder / 'data', StudioSettings('easy', 128), 4, 2, workers=1, progress=False)
    (folder / 'tiny.py').write_text(CONFIG.format(base=str(small_cliff), data=str(folder / 'data')))
    (folder / 'gate').mkdir()
    (folder / 'gate' / 'sitecustomize.py').write_text(GATE)  # Python imports it when it starts
    return folder


@pytest.fixture(scope='module')
def run(folder: Path) -> Callable[..., subprocess.CompletedProcess]:
    def run(*arguments: object) -> subprocess.CompletedProcess:
        environment = os.environ | dict(OMP_NUM_THREADS='1', PYTHONPATH=f'{folder / "gate"}:{ROOT}')
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope='module')
def trained(folder: Path, run: Callable[..., subprocess.CompletedProcess]) -> Path:
    """The checkpoint of an epoch on the open body."""
    done = run(ROOT / 'tools/train.py', 'tiny.py', '--work-dir', 'trained')
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / 'trained/epoch_1.pth'


def test_the_door_is_closed(run: Callable[..., subprocess.CompletedProcess]) -> None:
    done = run('-c', 'from smplx.lbs import lbs')
    assert done.returncode == 1 and 'smplx is out of bounds' in done.stderr


def test_official_files(
    run: Callable[..., subprocess.CompletedProcess], trained: Path, write_smpl: Callable[..., Path]
) -> None:
    smpl = write_smpl(trained.parent / 'smpl')
    arguments = ('tiny.py', trained, '--body-model', smpl, '--out', 'metrics.json')
    done = run(ROOT / 'tools/test.py', *arguments, '--work-dir', 'tested')
    assert done.returncode == 0, done.stderr[-4000:]
    metrics = json.loads((trained.parents[1] / 'metrics.json').read_text())
    assert metrics['synthetic/PVE'] > 0


def test_demo(run: Callable[..., subprocess.CompletedProcess], trained: Path) -> None:
    photo = next((trained.parents[1] / 'data').rglob('*.jpg'))
    model = ('--model', 'tiny.py', '--weights', trained, '--whole-image')
    done = run(ROOT / 'tools/demo.py', photo, *model, '--out-dir', 'demo', '--save', 'json', 'overlay')
    assert done.returncode == 0, done.stderr[-4000:]
    assert list((trained.parents[1] / 'demo').rglob('*.jpg'))


def test_export(run: Callable[..., subprocess.CompletedProcess], trained: Path) -> None:
    arguments = ('--format', 'torch-export', '--with-smpl', '--out', 'model.pt2')
    done = run(ROOT / 'tools/deployment/export_onnx.py', 'tiny.py', trained, *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (trained.parents[1] / 'model.pt2').stat().st_size > 15e6  # the body is inside
