import csv
import json

import numpy as np
import pytest

from mmroi.evaluation import KeypointAccuracy, PersonKeypoints
from mmroi.evaluation.keypoint_report import format_accuracy, save_people
from mmroi.structures import SMPL_54

NOSE, HIP = SMPL_54.index('nose'), SMPL_54.index('left_hip_extra')


@pytest.fixture
def accuracy():
    """Two people in boxes of 100 pixels: the first is off by 5 and 30 pixels, the second is missed."""
    annotated = np.zeros((54, 3))
    annotated[[NOSE, HIP]] = [(10, 20, 1), (30, 40, 1)]
    predicted = annotated[:, :2].copy()
    predicted[NOSE, 0] += 5
    predicted[HIP, 1] += 30
    first = PersonKeypoints('f/a.jpg', 5, np.array([0.0, 0, 100, 80]), annotated, predicted, predicted, 0.8)
    return KeypointAccuracy([first, PersonKeypoints('b.jpg', 'x', np.array([0.0, 0, 90, 100]), annotated)])


def test_the_table(accuracy):
    lines = [line.split() for line in format_accuracy(accuracy).splitlines()]
    assert lines[0] == ['joints', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2']
    assert lines[1:3] == [['nose', '2', '0.0', '50.0', '50.0'], ['left_hip_extra', '2', '0.0', '0.0', '0.0']]
    assert lines[3][:5] == ['all', 'people', '4', '0.0', '[0.0,'] and lines[3][6:8] == ['25.0', '[0.0,']
    assert lines[4][:4] == ['people', 'found', '2', '0.0'] and lines[5][:3] == ['mean', 'pose', '2']
    assert lines[6] == '1 of 2 people found in 2 images'.split()


def test_json(accuracy, tmp_path):
    save_people(accuracy, tmp_path / 'out' / 'people.json', dict(model='m'))
    content = json.loads((tmp_path / 'out' / 'people.json').read_text())
    assert content['model'] == 'm' and content['summary']['PCK']['all'][1]['PCK'] == 25
    assert content['per_joint'][0]['joint'] == 'nose' and content['per_joint'][0]['PCK@0.1'] == 50
    first, second = content['people']
    assert (first['image'], first['annotation_id'], first['found'], first['x2']) == ('f/a.jpg', 5, True, 100)
    assert first['mean_error'] == pytest.approx(0.175) and first['PCK@0.1'] == 50 and first['score'] == 0.8
    assert first['joints']['nose'] == dict(annotated=[10, 20], predicted=[15, 20], error=0.05)
    assert (second['found'], second['mean_error'], second['PCK@0.2']) == (False, None, 0)
    assert second['joints']['left_hip_extra'] == dict(annotated=[30, 40], predicted=None, error=None)


def test_csv(accuracy, tmp_path):
    save_people(accuracy, tmp_path / 'people.csv', {})
    first, second = csv.DictReader((tmp_path / 'people.csv').open())
    assert first['PCK@0.1'] == '50.0' and first['annotations'] == '2' and second['mean_error'] == ''
    with pytest.raises(ValueError, match=r'people.txt: results are written as .json or .csv'):
        save_people(accuracy, tmp_path / 'people.txt', {})
