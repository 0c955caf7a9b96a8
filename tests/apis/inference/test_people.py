import json
from pathlib import Path

import numpy as np
import pytest

from mmroi.apis.inference import people as people_module
from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.given_people import GivenPeople
from mmroi.apis.inference.people import WholeImage


def frame(source: str, name: str | None = None, video: str | None = None) -> Frame:
    image = np.zeros((30, 40, 3), np.uint8)
    return Frame(image, name or Path(source).stem, source, video=video)


def test_whole_image() -> None:
    (people,) = WholeImage()([frame('a.jpg')])
    np.testing.assert_array_equal(people.bboxes, [[0, 0, 40, 30]])
    np.testing.assert_array_equal(people.scores, [1])


def test_the_same_boxes_for_every_frame() -> None:
    for people in GivenPeople([[1, 2, 3, 4], [5, 6, 7, 8.5]])([frame('a.jpg'), frame('b.jpg')]):
        np.testing.assert_array_equal(people.bboxes, [[1, 2, 3, 4], [5, 6, 7, 8.5]])
        np.testing.assert_array_equal(people.scores, [1, 1])
        assert people.bboxes.dtype == people.scores.dtype == np.float64 and not people.problems
    (people,) = GivenPeople(np.array([1, 2, 3, 4]))([frame('a.jpg')])  # one alone
    assert people.bboxes.tolist() == [[1, 2, 3, 4]]
    (people,) = GivenPeople([])([frame('a.jpg')])
    assert people.bboxes.shape == (0, 4) and people.scores.shape == (0,) and not people.problems


def test_scores_and_their_threshold() -> None:
    (people,) = GivenPeople([[1, 2, 3, 4, 0.2], [5, 6, 7, 8, 0.7]], score_thr=0.5)([frame('a.jpg')])
    assert people.bboxes.tolist() == [[5, 6, 7, 8]] and people.scores.tolist() == [0.7]


def test_of_boxes_of_one_person_the_best_is_kept() -> None:
    boxes = [[0, 0, 20, 20, 0.5], [1, 0, 21, 20, 0.9], [0, 0, 20, 9, 0.6], [20, 0, 39, 20, 0.1]]
    given = GivenPeople(boxes)
    (people,) = given([frame('a.jpg')])
    assert people.scores.tolist() == [0.9, 0.6, 0.1]  # IoU 19 / 21, at most 0.45, 1 / 39
    assert given.notes == [
        'bboxes: left out 1 of 4 boxes that overlap a better one of their image (IoU above 0.6)',
        'bboxes: 1 of 4 boxes have scores below 0.3 and are used; --det-score 0.3 (det_score_thr) leaves '
        'them out',
    ]
    given = GivenPeople({'a.jpg': boxes[:2], 'b.jpg': boxes[2:]}, 0.55)
    assert [len(people) for people in given([frame('a.jpg'), frame('b.jpg')])] == [1, 1]
    assert given.notes == ['bboxes: left out 2 of 4 boxes with scores below 0.55']
    (people,) = GivenPeople([box[:4] for box in boxes[:2]])([frame('a.jpg')])
    assert len(people) == 2  # without scores none is better


def test_a_lowest_score_for_a_file_without_scores_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / 'boxes.json', [[1, 2, 30, 40]])
    with pytest.raises(
        BadInputError, match=r'have no scores, so a lowest one \(det_score_thr, --det-score\)'
    ):
        GivenPeople(path, score_thr=0.5)


def test_whole_images_that_are_wider_than_high(monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(people_module, 'print_log', lambda words, *_: said.append(words))
    find = WholeImage(aspect=0.75)
    find([Frame(np.zeros((40, 30, 3), np.uint8), 'high', 'high.jpg')])
    assert not said
    find([frame('a.jpg'), frame('b.jpg')])  # 40 x 30: the crop is 40 / 0.75 high
    (words,) = said
    assert words.startswith('a.jpg is wider than high (40 x 30 pixels)') and ' 56% of the height' in words


def test_a_box_outside_is_dropped_and_reported_and_one_partly_outside_stays() -> None:
    boxes = [[-5, -5, 10, 10], [30, 20, 60, 50], [40, 0, 50, 10], [0, -9, 10, 0], [3, 4, 5, 6]]
    (people,) = GivenPeople(boxes)([frame('a.jpg')])
    assert people.bboxes.tolist() == [boxes[0], boxes[1], boxes[4]]
    assert [str(problem) for problem in people.problems] == [
        f'a.jpg is 40 x 30 pixels, and the box ({box}) is outside; check whether it was made for another size'
        for box in ('40, 0, 50, 10', '0, -9, 10, 0')
    ]


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        ([[1, 2, float('nan'), 4]], r'bboxes: box \(1, 2, nan, 4\) must be x1, y1, x2, y2 in pixels'),
        ([[1, 2, 3, 4], [5, 6, 5, 9]], r'bboxes: box \(5, 6, 5, 9\) must be .* x1 < x2 and y1 < y2'),
        ([[100, 100, 50, 80]], 'must be x1, y1, x2, y2'),  # x, y, width, height
        ([[1, 2, 3]], 'boxes must be rows of x1, y1, x2, y2 in pixels and an optional score'),
        ([[1, 2, 3, 4], [1, 2]], 'boxes must be rows'),
        ('nowhere.json', 'boxes nowhere.json cannot be read .*; check the path'),
        ({'a.jpg': [[0, 0, -1, 1]]}, r'bboxes, a.jpg: box \(0, 0, -1, 1\) must be'),
        (3, 'boxes must be rows'),
    ],
)
def test_bad_boxes(boxes: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        GivenPeople(boxes)


@pytest.mark.parametrize(
    ('key', 'found'),
    [
        ('/data/x/a.jpg', True),
        ('x/a.jpg', True),
        ('a.jpg', True),
        ('a', True),
        ('frame_name', True),
        ('other/a.jpg', True),
        ('a.png', True),  # moved or converted since
        ('b.jpg', False),
        ('x', False),
    ],
)
def test_boxes_by_name(key: str, found: bool) -> None:
    (people,) = GivenPeople({key: [1, 2, 3, 4]})([frame('/data/x/a.jpg', 'frame_name')])
    assert people.bboxes.tolist() == ([[1, 2, 3, 4]] if found else [])
    problems = [] if found else ['/data/x/a.jpg has no entry in bboxes; add one or remove the image']
    assert [str(problem) for problem in people.problems] == problems


def test_the_nearest_of_several_files_of_one_name() -> None:
    people = GivenPeople({'x/a.jpg': [0, 0, 5, 5], 'y/a.jpg': [0, 0, 2, 2]})
    found = people([frame('/data/y/a.jpg'), frame('/data/x/a.jpg'), frame('/data/z/a.jpg')])
    assert [person.bboxes.tolist() for person in found] == [[[0, 0, 2, 2]], [[0, 0, 5, 5]], []]
    assert 'has no entry' in str(found[2].problems[0])  # which of the two is not known


def test_boxes_of_videos() -> None:
    people = GivenPeople({'clip.mp4': [0, 0, 5, 5], 'clip_000002': [0, 0, 2, 2], 'webcam_0': [0, 0, 3, 3]})
    frames = [frame('/data/clip.mp4', f'clip_{i:06d}', 'clip') for i in range(3)]
    found = people([*frames, frame('webcam 0', 'webcam_0_000000', 'webcam_0')])
    assert [person.bboxes[0, 2] for person in found] == [5, 5, 2, 3]


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_json(tmp_path: Path) -> None:
    (people,) = GivenPeople(write(tmp_path / 'a.json', [[1, 2, 3, 4]]))([frame('a.jpg')])
    assert people.bboxes.tolist() == [[1, 2, 3, 4]]
    by_name = write(tmp_path / 'b.json', {'a.jpg': [[1, 2, 3, 4, 0.5]], 'b.jpg': []})
    first, second, third = GivenPeople(str(by_name))([frame('a.jpg'), frame('b.jpg'), frame('c.jpg')])
    assert first.scores.tolist() == [0.5] and len(second) == len(third) == 0
    assert not second.problems and 'c.jpg has no entry in ' in str(third.problems[0])


def test_coco_annotations(tmp_path: Path) -> None:
    path = write(
        tmp_path / 'person_keypoints.json',
        dict(
            images=[dict(id=7, file_name='000000000139.jpg'), dict(id=8, file_name='val2017/b.jpg')],
            categories=[dict(id=1, name='bicycle'), dict(id=2, name='person')],
            annotations=[
                dict(image_id=7, category_id=2, bbox=[1, 2, 10, 20]),
                dict(image_id=7, category_id=1, bbox=[3, 3, 3, 3]),
                dict(image_id=7, category_id=2, bbox=[0, 0, 30, 30], iscrowd=1),
                dict(image_id=7, category_id=2, bbox=[5, 6, 7, 8]),
            ],
        ),
    )
    first, second = GivenPeople(path)([frame('/coco/000000000139.jpg'), frame('b.jpg')])
    assert first.bboxes.tolist() == [[1, 2, 11, 22], [5, 6, 12, 14]] and first.scores.tolist() == [1, 1]
    assert len(second) == 0 and not second.problems


@pytest.mark.parametrize('image_id', [139, '000000000139.jpg', '000000000139'])
def test_coco_results(tmp_path: Path, image_id: int | str) -> None:
    path = write(
        tmp_path / 'results.json',
        [
            dict(image_id=image_id, category_id=1, bbox=[1, 2, 10, 20], score=0.9),
            dict(image_id=image_id, category_id=1, bbox=[5, 6, 7, 8], score=0.1),
            dict(image_id=image_id, category_id=3, bbox=[5, 6, 7, 8], score=0.95),
        ],
    )
    (people,) = GivenPeople(path, score_thr=0.3)([frame('/coco/000000000139.jpg')])
    assert people.bboxes.tolist() == [[1, 2, 11, 22]] and people.scores.tolist() == [0.9]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('no json', 'is not JSON; give boxes as JSON or as a COCO file'),
        ('[{"image_id": 1}]', "boxes.json, 1: lacks 'bbox'"),
        ('[{"bbox": [1, 2, 3, 4]}, "text"]', 'boxes.json: .*; a file has a list of boxes x1, y1, x2, y2'),
        ('[{"image_id": 1, "bbox": [1, 2, 0, 4], "score": 1}]', r'box \(1, 2, 1, 6\) must be'),
        ('[{"image_id": 1, "bbox": [1, 2, 3]}]', "'bbox' must be x, y, width, height, not"),
        ('"text"', 'boxes must be rows'),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'boxes.json').write_text(text)
    with pytest.raises(BadInputError, match=r'boxes\.json') as caught:
        GivenPeople(tmp_path / 'boxes.json')
    caught.match(message)
