import codecs
import json
from pathlib import Path

import numpy as np
import pytest

from mmroi.apis.inference.box_files import read_boxes
from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.given_people import GivenPeople


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def look_up(path: Path, source: str = 'photo.jpg', **options: float) -> tuple[list, list[str], list[str]]:
    """Boxes, problems and notes for a 128 x 128 image."""
    people = GivenPeople(path, **options)
    (found,) = people([Frame(np.zeros((128, 128, 3), np.uint8), Path(source).stem, source)])
    return found.bboxes.tolist(), [str(problem) for problem in found.problems], people.notes


def result(**more: object) -> dict:
    return dict(image_id='photo', category_id=1, bbox=[30, 20, 60, 100], score=0.9) | more


@pytest.mark.parametrize(
    'content',
    [
        codecs.BOM_UTF8 + b'[[30,20,90,120]]',
        '[[30,20,90,120]]'.encode('utf-16'),  # with a byte order mark, as PowerShell writes it
        '[[30,20,90,120]]'.encode('utf-32'),
    ],
)
def test_byte_order_marks(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'boxes.json').write_bytes(content)
    assert look_up(tmp_path / 'boxes.json') == ([[30, 20, 90, 120]], [], [])


def test_predictions_of_mmdetection(tmp_path: Path) -> None:
    content = dict(
        labels=[0, 16, 0], scores=[0.9, 0.8, 0.1], bboxes=[[30, 20, 90, 120], [1, 2, 9, 9], [5, 6, 17, 18]]
    )
    path = write(tmp_path / 'photo.json', content)
    boxes, problems, notes = look_up(path)
    assert boxes == [[30, 20, 90, 120], [5, 6, 17, 18]] and not problems
    assert notes == [
        f'{path}: 1 of 3 boxes are no person (label 0) but 16; they are left out',
        f'{path}: 1 of 2 boxes have scores below 0.3 and are used; --det-score 0.3 (det_score_thr) leaves '
        'them out',
    ]
    assert look_up(path, score_thr=0.5)[0] == [[30, 20, 90, 120]]
    write(path, dict(content, labels=[0]))
    with pytest.raises(BadInputError, match=r'photo\.json: has 3 bboxes, 3 scores and 1 labels'):
        read_boxes(path)


def test_labels_and_categories_by_name(tmp_path: Path) -> None:
    content = dict(labels=['car', 'Person'], scores=[0.9, 0.8], bboxes=[[1, 2, 9, 9], [30, 20, 90, 120]])
    boxes, _, notes = look_up(write(tmp_path / 'photo.json', content))
    assert boxes == [[30, 20, 90, 120]] and notes[0].endswith(
        'are no person (label 0) but car; they are left out'
    )
    for key in ('category_id', 'category_name', 'category'):
        named = [{'image_id': 'photo', 'bbox': [30, 20, 60, 100], key: name} for name in ('person', 'dog')]
        boxes, _, notes = look_up(write(tmp_path / 'results.json', named))
        assert boxes == [[30, 20, 90, 120]] and 'but dog; they are left out' in notes[0]


@pytest.mark.parametrize('first', [0, 1])
def test_a_video_of_mmpose(tmp_path: Path, first: int) -> None:
    box = dict(bbox=[[30, 20, 90, 120]], bbox_score=0.9, keypoints=[])
    frames = [dict(frame_id=first + i, instances=[box] * (i == 1)) for i in range(2)]
    content = dict(meta_info={}, instance_info=frames) if first else frames  # MMPose's demos count from 1
    people = GivenPeople(write(tmp_path / 'clip.json', content))
    image = np.zeros((128, 128, 3), np.uint8)
    found = people([Frame(image, f'clip_{i:06d}', 'clip.mp4', i, 'clip') for i in range(3)])
    assert [len(some) for some in found] == [0, 1, 0]
    assert [len(some.problems) for some in found] == [0, 0, 1]  # MMPose has not seen the last one


def test_a_folder_of_predictions(tmp_path: Path) -> None:
    write(tmp_path / 'photo.json', dict(labels=[0], scores=[0.9], bboxes=[[30, 20, 90, 120]]))
    write(tmp_path / 'other.json', dict(labels=[3], scores=[0.9], bboxes=[[30, 20, 90, 120]]))
    assert look_up(tmp_path)[:2] == ([[30, 20, 90, 120]], [])
    assert look_up(tmp_path, 'x/other.png')[:2] == ([], [])
    assert 'has no entry in' in look_up(tmp_path, 'third.jpg')[1][0]
    (tmp_path / 'empty').mkdir()
    with pytest.raises(BadInputError, match=r'the folder contains no \.json file'):
        read_boxes(tmp_path / 'empty')


@pytest.mark.parametrize(
    'content',
    [
        [dict(keypoints=[[1, 2]], bbox=[[30, 20, 90, 120]], bbox_score=0.7)],
        dict(meta_info={}, instance_info=[dict(bbox=[[30, 20, 90, 120]], bbox_score=0.7)]),
        dict(schema_version='1.0', people=[dict(bbox=[30, 20, 90, 120], bbox_score=0.7, track_id=0)]),
    ],
)
def test_predictions_of_mmpose_and_of_this_project(tmp_path: Path, content: object) -> None:
    path = write(tmp_path / 'boxes.json', content)
    assert look_up(path) == ([[30, 20, 90, 120]], [], [])
    assert look_up(path, score_thr=0.8)[0] == []


def test_annotations_of_images_that_are_not_listed(tmp_path: Path) -> None:
    content = dict(
        images=[dict(id=1, file_name='photo.jpg')],
        categories=[dict(id=1, name='Person')],
        annotations=[
            dict(image_id=99, category_id=1, bbox=[30, 20, 60, 100]),
            dict(category_id=1, bbox=[30, 20, 60, 100]),
            dict(image_id=1, category_id=1, bbox=[30, 20, 60, 100]),
        ],
    )
    path = write(tmp_path / 'boxes.json', content)
    boxes, problems, notes = look_up(path)
    assert boxes == [[30, 20, 90, 120]] and not problems
    assert notes == [
        f'{path}: 2 of 3 annotations belong to images that it does not list (99, None) and are left out'
    ]


def test_other_categories(tmp_path: Path) -> None:
    path = write(tmp_path / 'boxes.json', [result(), result(category_id=3), result(category_id=3)])
    boxes, _, notes = look_up(path)
    assert boxes == [[30, 20, 90, 120]]
    assert notes == [f'{path}: 2 of 3 boxes are no person (category_id 1) but 3; they are left out']
    write(path, [result(category_id=3)])
    with pytest.raises(BadInputError, match=r'none of its 1 results is a person \(category_id 1\), only 3'):
        read_boxes(path)


@pytest.mark.parametrize('number', [0, '0'])
def test_categories_that_count_from_zero(tmp_path: Path, number: object) -> None:
    path = write(tmp_path / 'boxes.json', [result(category_id=number), result(category_id=1)])
    boxes, _, notes = look_up(path)
    assert boxes == [[30, 20, 90, 120]]  # 1 is a bicycle here
    assert 'category ids count from 0 here, so 0 is taken as the person' in notes[0]
    content = dict(
        images=[dict(id=1, file_name='photo.jpg')],
        annotations=[
            dict(image_id=1, category_id=0, bbox=[30, 20, 60, 100]),
            dict(image_id=1, category_id=1, bbox=[3, 2, 6, 10]),
        ],
    )
    assert look_up(write(path, content))[0] == [[30, 20, 90, 120]]


def test_single_bad_boxes_are_reported_and_the_rest_is_used(tmp_path: Path) -> None:
    path = write(
        tmp_path / 'boxes.json',
        [result(), result(bbox=[30, 20, 60, 0]), result(bbox=None), result(score='x')],
    )
    with pytest.raises(BadInputError, match=r'photo: box \(30, 20, 90, 20\) must .*3 of 4 boxes cannot be'):
        read_boxes(path)  # most of them are wrong: the file is
    write(
        path,
        [
            result(),
            result(bbox=[0, 0, 60, 50]),
            result(bbox=[30, 20, 60, 0]),
            result(bbox=[float('nan'), 2, 3, 4]),
        ],
    )
    boxes, problems, _ = look_up(path)
    assert len(boxes) == 2
    assert problems == [
        f'photo.jpg has a box that cannot be used: box ({box}) must be x1, y1, x2, y2 in pixels, '
        'x1 < x2 and y1 < y2'
        for box in ('30, 20, 90, 20', 'nan, 2, nan, 6')
    ]
    write(path, [[30, 20, 90, 120], [1, 2, 3], [30, 20, 90, 120]])
    boxes, problems, notes = look_up(path)
    assert len(boxes) == 2 and not problems and 'boxes must be rows' in notes[0] and '[1, 2, 3]' in notes[0]


def test_shares_of_the_image_and_specks(tmp_path: Path) -> None:
    path = write(tmp_path / 'boxes.json', [[0.1, 0.2, 0.9, 1]])
    with pytest.raises(BadInputError, match='looks like shares of the image, expected pixels; multiply by'):
        read_boxes(path)
    with pytest.raises(BadInputError, match=r'box \(30, 20, 30.5, 90\) is not larger than a pixel'):
        GivenPeople([[30, 20, 30.5, 90]])


def test_boxes_of_a_much_larger_image(tmp_path: Path) -> None:
    path = write(tmp_path / 'boxes.json', [[30, 20, 90, 120], [-9, -9, 600, 90]])
    boxes, problems, _ = look_up(path)
    assert boxes == [[30, 20, 90, 120]]
    assert problems == [
        'photo.jpg is 128 x 128 pixels, and the box (-9, -9, 600, 90) is far larger; check whether it was '
        'made for another size'
    ]


@pytest.mark.parametrize('text', ['[' * 100000, '{"images": 1, "annotations": 2}', '[[1e999, 1, 2, 3]]', '3'])
def test_other_content(tmp_path: Path, text: str) -> None:
    (tmp_path / 'boxes.json').write_text(text)
    with pytest.raises(BadInputError, match=r'boxes\.json'):
        read_boxes(tmp_path / 'boxes.json')
