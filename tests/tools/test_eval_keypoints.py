"""The tool as a user runs it: the shipped model on rendered people with exact annotations."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.apis import MultiRoIInferencer
from mmroi.structures import COCO_17, SMPL_54
from mmroi.synthetic import Studio, StudioSettings

from ..conftest import SHIPPED_MULTI_ROI

TOOL = 'analysis_tools/eval_keypoints.py'
PATH = Path(__file__).parents[2] / 'tools' / TOOL
COCO_NAMES = [name.removesuffix('_extra') for name in COCO_17]
ROWS = [SMPL_54.index(name) for name in COCO_17]


@pytest.fixture(scope='module')
def model():
    return SHIPPED_MULTI_ROI.config, SHIPPED_MULTI_ROI.weights


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two images in a folder, and a keypoint file as COCO writes it."""
    folder, studio = tmp_path_factory.mktemp('people'), Studio(StudioSettings('easy', 256))
    (folder / 'images/val').mkdir(parents=True)
    images, annotations = [], []
    for index in range(2):
        content, rows = studio.render(1, index)
        name = f'val/{index:012d}.jpg'
        (folder / 'images' / name).write_bytes(content)
        height, width = cv2.imread(str(folder / 'images' / name)).shape[:2]
        images.append(dict(id=100 + index, file_name=name, height=height, width=width))
        for bbox, keypoints in zip(rows['bbox_xywh'].tolist(), rows['keypoints2d'][:, ROWS], strict=True):
            flags = np.column_stack([keypoints[:, :2], 2 * keypoints[:, 2]]) * (keypoints[:, 2:] > 0)
            annotations.append(
                dict(
                    id=len(annotations),
                    image_id=100 + index,
                    category_id=1,
                    iscrowd=0,
                    bbox=bbox[:4],
                    keypoints=flags.reshape(-1).tolist(),
                    segmentation=dict(counts='abc', size=[height, width]),
                )
            )
    annotations.append(dict(id=99, image_id=100, category_id=1, iscrowd=1, bbox=[0, 0, 9, 9]))
    categories = [dict(id=1, name='person', keypoints=COCO_NAMES), dict(id=2, name='dog')]
    content = dict(images=images, annotations=annotations, categories=categories)
    (folder / 'keypoints.json').write_text(json.dumps(content))
    return folder


def test_numbers_files_and_pictures(folder, model, run_tool, tmp_path):
    out, show = tmp_path / 'out' / 'people.json', tmp_path / 'show'
    arguments = (
        TOOL,
        *model,
        folder / 'keypoints.json',
        '--image-root',
        folder / 'images',
        '--device',
        'cpu',
    )
    done = run_tool(*arguments, '--out', out, '--show-dir', show, '--worst', 1)
    assert 'left out: 1 crowds\n' in done.stdout and 'PCK@0.05' in done.stdout
    content = json.loads(out.read_text())
    people = content['people']
    assert f'{len(people)} of {len(people)} people found in 2 images' in done.stdout

    inferencer = MultiRoIInferencer(*model, device='cpu', show_progress=False)
    frames = inferencer(
        str(folder / 'images/val'), bboxes=folder / 'keypoints.json', return_datasamples=False
    )['predictions']
    demo = [person for frame in frames for person in frame['people']]
    correct = total = 0
    for person, other in zip(people, demo, strict=True):
        size = max(person['x2'] - person['x1'], person['y2'] - person['y1'])
        for name, joint in person['joints'].items():
            predicted = other['joints2d'][SMPL_54.index(name)]
            np.testing.assert_allclose(joint['predicted'], predicted, atol=1e-2)
            distance = np.hypot(*np.subtract(predicted, joint['annotated']))
            assert joint['error'] == pytest.approx(distance / size, abs=1e-4)
            correct, total = correct + (joint['error'] < 0.1), total + 1
    (row,) = [row for row in content['summary']['PCK']['all'] if row['threshold'] == 0.1]
    assert row['PCK'] == pytest.approx(100 * correct / total)
    assert row['interval'][0] <= row['PCK'] <= row['interval'][1]
    assert len(list(show.glob('0*.jpg'))) == len(people) and (show / 'worst.jpg').is_file()


@pytest.fixture
def call(monkeypatch):
    """call(arguments) runs the tool in this process, which has imported everything."""
    spec = importlib.util.spec_from_file_location('eval_keypoints', PATH)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['eval_keypoints.py', *map(str, arguments)])
        tool.main()

    return call


def test_csv_unknown_names_and_missing_images(folder, model, call, tmp_path, capsys):
    content = json.loads((folder / 'keypoints.json').read_text())
    content['categories'][0]['keypoints'] = ['tail', *COCO_NAMES[1:]]
    content['images'][1]['file_name'] = 'gone.jpg'
    (tmp_path / 'other.json').write_text(json.dumps(content))
    arguments = (*model, tmp_path / 'other.json', '--image-root', folder / 'images', '--device', 'cpu')
    with pytest.raises(ValueError, match=r'lacks: tail; leave them out \(--skip-unknown\)'):
        call(*arguments)
    with pytest.raises(FileNotFoundError, match=r'1 of 2 images are not in .*, the first is gone.jpg'):
        call(*arguments, '--skip-unknown')
    out = tmp_path / 'people.csv'
    call(*arguments, '--skip-unknown', '--skip-missing', '--out', out, '--thresholds', '0.3')
    printed = capsys.readouterr().out
    assert 'left out: 1 unknown joints (tail)' in printed and 'nose' not in printed
    assert 'left out: 1 images (missing image)' in printed
    rows = list(csv.DictReader(out.open()))
    assert {row['image'] for row in rows} == {'val/000000000000.jpg'} and 'PCK@0.3' in rows[0]


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--out', 'people.txt'), '--out: write .json or .csv, not people.txt'),
        (('--thresholds', '0.1', '0'), 'must be a number above 0, not 0'),
    ],
)
def test_bad_arguments(folder, model, call, capsys, more, message):
    with pytest.raises(SystemExit):
        call(*model, folder / 'keypoints.json', '--image-root', folder, *more)
    assert message in capsys.readouterr().err


def test_a_wrong_convention_lists_those_that_exist(folder, model, call):
    with pytest.raises(ValueError, match=r"unknown keypoint convention 'cocoa'; known: coco, "):
        call(*model, folder / 'keypoints.json', '--image-root', folder, '--convention', 'cocoa')
