from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmroi.apis import keypoint_pictures
from mmroi.apis.keypoint_evaluation import PredictedPerson
from mmroi.apis.keypoint_pictures import KeypointPictures
from mmroi.evaluation import PersonKeypoints


@pytest.fixture
def drawn(monkeypatch):
    """Titles of the pictures; each picture is a gray level, counted from 0 in steps of 20."""
    titles = []

    def draw(image, bbox, annotated, mesh, text):
        titles.append(text)
        return np.full((40, 60, 3), 20 * (len(titles) - 1), np.uint8)

    monkeypatch.setattr(keypoint_pictures, 'draw_keypoint_errors', draw)
    return titles


def make_person(error):
    annotated = np.zeros((54, 3))
    annotated[3] = 0, 0, 1
    frame = SimpleNamespace(name='photo', image=np.zeros((9, 9, 3), np.uint8))
    sample = SimpleNamespace(focal_length=100.0, principal_point=(4, 4))
    result = SimpleNamespace(frame=frame, vertices=np.zeros((1, 4, 3)), samples=[sample])
    predicted = None if error is None else np.full((54, 2), 100.0 * error) * (1, 0)
    keypoints = PersonKeypoints('photo.jpg', 8, np.array([0.0, 0, 100, 50]), annotated, predicted)
    return PredictedPerson(keypoints, None if error is None else 0, result)


def test_one_picture_each_and_a_sheet_of_the_worst_found(tmp_path, drawn):
    pictures = KeypointPictures(tmp_path / 'show', np.zeros((1, 3), int), worst=2)
    pictures.add([make_person(0.1), make_person(0.4), make_person(None), make_person(0.3)])
    pictures.save_worst()
    assert sorted(path.name for path in (tmp_path / 'show').iterdir()) == [
        'photo_0.jpg',
        'photo_1.jpg',
        'photo_2_missed.jpg',
        'photo_3.jpg',
        'worst.jpg',
    ]
    assert drawn[1].startswith('photo  id 8') and '0 %' in drawn[1] and '0.40' in drawn[1]
    assert drawn[2].endswith('not found')
    sheet = cv2.imread(str(tmp_path / 'show/worst.jpg'))
    levels = [int(sheet[26, x].mean().round()) for x in (36, 102)]
    assert levels == pytest.approx([20, 60], abs=2)  # the person with 0.4, then the one with 0.3


def test_nobody_found(tmp_path, drawn):
    pictures = KeypointPictures(tmp_path, np.zeros((1, 3), int))
    pictures.add([make_person(None)])
    pictures.save_worst()
    assert [path.name for path in tmp_path.iterdir()] == ['photo_0_missed.jpg']
