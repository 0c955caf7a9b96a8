"""Keypoints of one person in a known box, on scikit-image's astronaut."""

import numpy as np
import pytest
import torch
from skimage import data

from mmroi.apis.inference import BadInputError
from mmroi.apis.inference.crop_keypoints import CropKeypoints, _middle_peak
from mmroi.structures import COCO_17

NOSE = (223, 120)
BOX = np.array([[-46.0, 2, 600]])  # center relative to the principal point, height
MIDDLE = np.array([[256.0, 256]])


@pytest.fixture(scope='module')
def find():
    return CropKeypoints(device='cpu', batch_size=2)


@pytest.fixture(scope='module')
def astronaut():
    return np.ascontiguousarray(data.astronaut()[..., ::-1])


def test_the_face_is_where_it_is(find, astronaut):
    (found,) = find([astronaut], BOX, MIDDLE)
    points = dict(zip(COCO_17, found, strict=True))
    assert np.hypot(*(points['nose'][:2] - NOSE)) < 10 and points['nose'][2] > 0.4
    for part in ('eye', 'ear', 'shoulder'):
        assert points[f'left_{part}'][0] > points[f'right_{part}'][0] + 20
    assert points['left_ankle'][2] < 0.3  # out of the image


def test_a_shift_and_a_batch_change_nothing(find, astronaut):
    moved = np.pad(astronaut, ((30, 0), (70, 0), (0, 0)))
    alone = find([astronaut], BOX, MIDDLE)
    # by the principal point alone, and by the box alone
    images, points = [moved, astronaut, moved], np.array([MIDDLE[0] + (70, 30), MIDDLE[0], MIDDLE[0]])
    boxes = np.concatenate([BOX, BOX, BOX + (70, 30, 0)])
    together = find(images, boxes, points)
    for number, shift in enumerate([(70, 30), (0, 0), (70, 30)]):
        np.testing.assert_allclose(together[number, :, :2] - shift, alone[0, :, :2], atol=0.05)
    assert find([], np.zeros((0, 3)), np.zeros((0, 2))).shape == (0, 17, 3)


def test_of_two_people_the_one_in_the_middle():
    center = torch.full((1, 64, 48), -9.0)
    center[0, 10, 2], center[0, 30, 25] = 3.0, 1.0
    assert _middle_peak(center).tolist() == [[25, 30]]


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(BadInputError, match='keypoints of movenet thunder: .*nothing.safetensors'):
        CropKeypoints(tmp_path / 'nothing.safetensors', 'cpu')
