"""The converter of downloads as a user runs it: a SPIN file whose people are bodies of the studio."""

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.fileio import HumanData
from mmroi.structures import get_convention
from mmroi.synthetic import StudioSettings, make_dataset

from ..tool_runner import run_tool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def download(tmp_path_factory):
    """Photos of the studio, and their labels in CLIFF's layout."""
    root = tmp_path_factory.mktemp('download')
    make_dataset(root, StudioSettings('easy', 160, 0), 4, 0, progress=False)
    human_data = HumanData.fromfile(root / 'train.npz')
    boxes, smpl = human_data['bbox_xywh'], human_data['smpl']
    names = get_convention('smpl_54')
    joints = [names.index(name) for name in get_convention('smpl_24')]
    num = human_data.data_len
    np.savez(
        root / 'mpii_cliffGT.npz',
        imgname=np.array(list(human_data['image_path'])),
        center=boxes[:, :2] + boxes[:, 2:4] / 2,
        scale=boxes[:, 2:4].max(1) / 200,
        part=human_data['keypoints2d'][:, joints],
        S=human_data['keypoints3d'][:, joints],
        pose=np.concatenate([smpl['global_orient'], smpl['body_pose'].reshape(num, 69)], 1),
        shape=smpl['betas'],
        global_t=smpl['transl'],
        focal_l=human_data['misc']['focal_length'],
    )
    return root, num


def run(*arguments, path=()):
    environment = dict(PYTHONPATH=os.pathsep.join((str(ROOT), *path)))
    return run_tool('dataset_tools/convert.py', *arguments, check=False, environment=environment)


def test_converts_checks_and_keeps(download, tmp_path):
    root, num = download
    command = ('mpii', '--root', str(root), '--out', str(tmp_path), '--workers', '1', '--check', '2')
    first = run(*command)
    assert first.returncode == 0, first.stderr
    path = tmp_path / 'cliff_mpii_train.npz'
    assert (
        f'{path}: {num} people in ' in first.stdout
        and f'{path.stem} ' in first.stderr
        and '1/1' in first.stderr
    )
    assert HumanData.fromfile(path).data_len == num
    sheet = cv2.imread(str(tmp_path / 'cliff_mpii_train_check.jpg'))
    # Two people, each with keypoints and with the mesh.
    assert sheet.shape[1] == 4 * 320 + 5 * 6
    photo, mesh = sheet[6:326, 6:326].astype(int), sheet[6:326, 332:652].astype(int)
    assert np.abs(photo - mesh).max(2).mean() > 5
    before = path.stat().st_mtime_ns
    again = run(*command)
    assert f'exists already, {num} people' in again.stdout and path.stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:-100])
    again = run(*command)
    assert 'converting it again' in again.stdout and HumanData.fromfile(path).data_len == num


def test_errors_are_one_sentence(download, tmp_path):
    root, _ = download
    failed = run('coco', '--root', str(root), '--out', str(tmp_path))
    assert failed.returncode == 1
    assert failed.stderr.startswith(f'convert coco: {root}/coco2014part_cliffGT.npz or ')
    assert 'docs/data.md' in failed.stderr and 'Traceback' not in failed.stderr
    assert run('pw3d', '--labels', 'cliff').returncode == 2


OWN_CONVERTER = """
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmroi.datasets.converters import Converter, Part, Unit
from mmroi.registry import CONVERTERS


@CONVERTERS.register_module('mine')
@dataclass(frozen=True)
class Mine(Converter):
    \"\"\"Boxes of nobody.

    Args:
        root: Folder of the download.
        size: Side of a box.
    \"\"\"

    size: int | None = None

    def output_name(self, split):
        return f'{self.name}_{split}'

    def units(self, split):
        return [Unit('first', 1), Unit('second', 2)]

    def read(self, split, unit):
        boxes = np.array([(0.0, 0.0, self.size, self.size)])
        return Part(dict(image_path=np.array([f'{unit.data}.jpg']), bbox_xywh=boxes), {})
"""


@pytest.mark.parametrize('as_file', [True, False])
def test_own_converter(tmp_path, as_file):
    path = tmp_path / 'code' / 'own_converter.py'
    path.parent.mkdir()
    path.write_text(OWN_CONVERTER)
    done = run(
        *('mine', '--import', str(path) if as_file else 'own_converter', '--size', '3', '--workers', '2'),
        *('--root', str(tmp_path), '--out', str(tmp_path), '--no-image-check'),
        path=() if as_file else (str(path.parent),),
    )
    assert done.returncode == 0, done.stderr
    human_data = HumanData.fromfile(tmp_path / 'mine_train.npz')
    assert list(human_data['image_path']) == ['1.jpg', '2.jpg'] and human_data['config'] == 'mine'
    np.testing.assert_array_equal(human_data['bbox_xywh'], [(0, 0, 3, 3, 1)] * 2)


def test_converters_are_listed():
    listed = run('--help').stdout
    for name in ('h36m', 'mpi_inf_3dhp', 'coco', 'mpii', 'lspet', 'pw3d', 'spin', 'bedlam'):
        assert re.search(rf'\b{name}\b', listed)
    assert run('mine').returncode == 2
