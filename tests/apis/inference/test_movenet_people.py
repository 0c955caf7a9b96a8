"""The detector that comes with the project, on scikit-image's astronaut."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from mmroi.apis.inference import BadInputError, Frame, MoveNetPeople
from mmroi.apis.inference.movenet_people import PeopleAtScale
from mmroi.structures import COCO_17

ASTRONAUT = (20, 5, 400, 512)  # x1, y1, x2, y2, by eye
NOSE = (223, 120)


@pytest.fixture(scope='module')
def detector():
    return MoveNetPeople(device='cpu')


@pytest.fixture(scope='module')
def astronaut():
    return data.astronaut()[..., ::-1]


def frame(image, name='f'):
    return Frame(np.ascontiguousarray(image), name, 'array')


def overlap(box, other):
    size = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    shared = size.clip(min=0).prod()
    return shared / (np.subtract(box[2:], box[:2]).prod() + np.subtract(other[2:], other[:2]).prod() - shared)


def is_astronaut(box, x=0.0, y=0.0, scale=1.0):
    return overlap(box, np.array(ASTRONAUT) * scale + (x, y, x, y)) > 0.6


def test_one_person_at_the_right_place(detector, astronaut):
    (people,) = detector([frame(astronaut)])
    assert len(people) == 1 and people.scores[0] > 0.8 and is_astronaut(people.bboxes[0])
    assert people.bboxes.dtype == people.scores.dtype == people.keypoints.dtype == np.float64
    keypoints = dict(zip(COCO_17, people.keypoints[0], strict=True))
    assert np.hypot(*(keypoints['nose'][:2] - NOSE)) < 10 and keypoints['nose'][2] > 0.5
    # she faces the camera: her left is on the right of the image
    for part in ('eye', 'ear', 'shoulder'):
        assert keypoints[f'left_{part}'][0] > keypoints[f'right_{part}'][0] + 20
    assert keypoints['left_ankle'][2] < 0.3  # out of the image


def test_the_same_alone_in_batches_and_flipped(detector, astronaut):
    images = [astronaut, astronaut[:, ::-1], astronaut[:300], cv2.resize(astronaut, (1000, 1000)), astronaut]
    frames = [frame(image) for image in images]
    together = detector(frames)
    assert [len(people) for people in together] == [1] * 5
    for one, people in zip(frames, together, strict=True):
        (alone,) = detector([one])
        for name in ('bboxes', 'scores', 'keypoints'):
            np.testing.assert_allclose(getattr(people, name), getattr(alone, name), atol=1e-3)
    x1, y1, x2, y2 = together[1].bboxes[0]
    assert is_astronaut(np.array([512 - x2, y1, 512 - x1, y2]))
    # of twice the size: positions of pixel centers follow
    scale = 1000 / 512
    np.testing.assert_allclose(together[3].bboxes, together[0].bboxes * scale, atol=8 * scale)
    np.testing.assert_allclose(
        together[3].keypoints[0, :5, :2] + 0.5, (together[0].keypoints[0, :5, :2] + 0.5) * scale, atol=8
    )
    assert detector([]) == []


def test_forty_people(detector, astronaut):
    rows, columns, side = 5, 8, 160
    person = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
    (people,) = detector([frame(np.tile(person, (rows, columns, 1)))])
    places = [(x * side, y * side) for y in range(rows) for x in range(columns)]
    found = [any(is_astronaut(box, *place, side / 512) for box in people.bboxes) for place in places]
    # the same half of a person forty times, edge to edge, is harder than people in a photo
    assert sum(found) >= 20 and len(people) <= 44
    assert (np.diff(people.scores) <= 0).all() and people.keypoints.shape == (len(people), 17, 3)
    few = MoveNetPeople(device='cpu', max_people=7)([frame(np.tile(person, (rows, columns, 1)))])[0]
    np.testing.assert_array_equal(few.scores, people.scores[:7])


def test_a_person_of_15_pixels(detector, astronaut):
    image = np.full((90, 90, 3), 114, np.uint8)
    image[30:45, 30:45] = cv2.resize(astronaut, (15, 15), interpolation=cv2.INTER_AREA)
    (people,) = detector([frame(image)])
    assert len(people) <= 1 and np.isfinite(people.bboxes).all()
    for box in people.bboxes:
        assert overlap(box, np.array([30, 30, 45, 45])) > 0.4


@pytest.mark.parametrize('shape', [(300, 400), (1, 1), (2, 900), (700, 3)])
def test_nobody(detector, shape):
    (people,) = detector([frame(np.full((*shape, 3), 114, np.uint8))])
    assert len(people) == 0
    assert people.bboxes.shape == (0, 4) and people.scores.shape == (0,)
    assert people.keypoints.shape == (0, 17, 3)


def scale_of(*people):
    """People of one scale: box, score, and long side in the network's input."""
    boxes, scores, sides = zip(*people, strict=True) if people else ((), (), ())
    count = len(people)
    return PeopleAtScale(
        torch.tensor(boxes, dtype=torch.float64).reshape(count, 4),
        torch.tensor(scores, dtype=torch.float64),
        torch.full((count, 17, 3), float(count), dtype=torch.float64),
        torch.tensor(sides, dtype=torch.float32),
    )


@pytest.mark.parametrize(
    ('coarse', 'fine', 'expected'),
    [
        # a large person stays as found first; parts found at twice the size do not count
        ([((0, 0, 50, 200), 0.5, 200)], [((0, 0, 50, 190), 0.9, 400), ((0, 0, 50, 90), 0.9, 180)], [0.5]),
        # a small person is taken from the finer scale, though the score is lower
        ([((0, 0, 20, 60), 0.9, 60)], [((0, 0, 21, 62), 0.7, 120)], [0.7]),
        # however badly the small box fits: it holds the fine one, and IoU is 9 / 20
        ([((0, 0, 20, 60), 0.9, 60)], [((5, 5, 14, 60), 0.7, 120)], [0.7]),
        # another person half her size in front of her stays, and so does a neighbor
        (
            [((0, 0, 20, 60), 0.9, 60)],
            [((5, 31, 14, 60), 0.7, 60), ((15, 0, 35, 60), 0.6, 120)],
            [0.9, 0.7, 0.6],
        ),
        # unless that does not find her
        ([((0, 0, 20, 60), 0.9, 60)], [], [0.9]),
        # hints are no people
        ([((0, 0, 20, 60), 0.2, 60)], [((50, 0, 70, 60), 0.29, 120)], []),
        # neighbors stay: intersection 5 x 60 of a union of 35 x 60
        ([], [((0, 0, 20, 60), 0.4, 120), ((15, 0, 35, 60), 0.8, 120)], [0.8, 0.4]),
        # one person twice: intersection 16 x 60 of 24 x 60 is more than 0.6
        ([], [((0, 0, 20, 60), 0.4, 120), ((4, 0, 24, 60), 0.8, 120)], [0.8]),
        # at the finest scale small ones are as good as others
        ([((0, 0, 20, 30), 0.5, 30)], [((0, 0, 20, 30), 0.4, 60)], [0.4]),
    ],
)
def test_people_are_taken_from_the_scale_that_suits_their_size(detector, coarse, fine, expected):
    people = detector.merge([scale_of(*coarse), scale_of(*fine)])
    np.testing.assert_allclose(people.scores, expected)


def test_a_photo_without_small_people_is_seen_once(detector, astronaut, monkeypatch):
    sizes, maps = [], detector._network.maps
    monkeypatch.setattr(detector._network, 'maps', lambda x: sizes.append(tuple(x.shape)) or maps(x))
    detector([frame(astronaut)] * 9 + [frame(astronaut[:250])])
    assert sizes == [(8, 3, 256, 256), (1, 3, 256, 256), (1, 3, 128, 256)]
    sizes.clear()
    small = np.full((512, 768, 3), 114, np.uint8)
    small[100:260, 100:260] = cv2.resize(astronaut, (160, 160), interpolation=cv2.INTER_AREA)
    (people,) = detector([frame(small)])
    assert sizes == [(1, 3, 192, 256), (1, 3, 352, 512)]
    assert len(people) == 1 and is_astronaut(people.bboxes[0], 100, 100, 160 / 512)


HINTS = [((50, 0, 60, 30), 0.2, 40)] * 30
LARGE = [((0, 0, 100, 200), 0.9, 200)]


def small(count, side=60):
    return [((30 * i, 0, 30 * i + 20, 60), 0.5, side) for i in range(count)]


@pytest.mark.parametrize(
    ('found', 'side', 'max_size', 'sizes'),
    [
        ([LARGE], 640, None, [256]),
        ([LARGE], 640, 4096, [256]),
        # nobody, or hints: up to 1024
        ([[], [], []], 640, None, [256, 512, 1024]),
        ([HINTS, HINTS, HINTS], 640, None, [256, 512, 1024]),
        ([[], [], [], []], 640, 2048, [256, 512, 1024, 2048]),
        ([small(2), LARGE], 640, None, [256, 512]),
        # a crowd of ten that is still small at 1024, and one of nine
        ([[], small(4), small(10), small(40)], 640, None, [256, 512, 1024, 2048]),
        ([[], small(4), small(9) + HINTS], 640, None, [256, 512, 1024]),
        ([small(40), small(40, 90)], 640, None, [256, 512]),
        # not for a wish, nor beyond 5 times the image
        ([[], small(40)], 640, 512, [256, 512]),
        ([[]], 640, 128, [128]),
        ([small(40), small(40), small(40)], 205, None, [256, 512, 1024]),
        ([[], []], 204, None, [256, 512]),
    ],
)
def test_the_sizes_that_a_frame_is_seen_at(monkeypatch, found, side, max_size, sizes):
    detector, seen, answers = MoveNetPeople(device='cpu', max_size=max_size), [], iter(found)

    def look(images, size):
        seen.append(size)
        return [scale_of(*next(answers)) for _ in images]

    monkeypatch.setattr(detector, '_look', look)
    detector([frame(np.zeros((side // 2, side, 3), np.uint8))])
    assert seen == sizes


def test_more_than_a_hundred_people(detector):
    crowd = [((30 * i, 0, 30 * i + 20, 60), 0.5, 90) for i in range(150)]
    assert len(detector.merge([scale_of(*crowd)])) == 150


def test_bad_size():
    with pytest.raises(BadInputError, match='detector movenet sees at least 32 pixels, not 0'):
        MoveNetPeople(max_size=0)


def test_bad_weights(tmp_path):
    with pytest.raises(BadInputError, match=r'detector movenet: .*gone.safetensors do not exist'):
        MoveNetPeople(tmp_path / 'gone.safetensors')
    with pytest.raises(
        BadInputError, match=r'movenet_thunder.safetensors does not fit MoveNetPose'
    ) as caught:
        MoveNetPeople('checkpoints/movenet_thunder.safetensors')
    assert '\n' not in str(caught.value)
    (tmp_path / 'text.pth').write_text('text')
    with pytest.raises(BadInputError, match=r'detector movenet: .*text.pth is not a checkpoint'):
        MoveNetPeople(tmp_path / 'text.pth')
