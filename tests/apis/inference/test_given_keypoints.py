"""Keypoints from COCO's format: by the names of joints and images, in the size that they were made for."""

import json

import numpy as np
import pytest

from mmroi.apis.inference import BadInputError, Frame
from mmroi.apis.inference.given_keypoints import GivenKeypoints
from mmroi.structures import SMPL_54


@pytest.fixture
def write(tmp_path):
    def write(size=(60, 80), boxes=((5, 6, 20, 40), (200, 6, 20, 40))):
        people = [
            dict(id=i, image_id=1, category_id=1, bbox=list(box), keypoints=[10 + i, 20, 2, 0, 0, 0, 7, 8, 1])
            for i, box in enumerate(boxes)
        ]
        category = dict(id=1, name='person', keypoints=['right_wrist', 'left_ankle', 'tail'])
        content = dict(
            images=[dict(id=1, file_name='folder/a.jpg', height=size[0], width=size[1])],
            annotations=people,
            categories=[category],
        )
        (tmp_path / 'keypoints.json').write_text(json.dumps(content))
        return GivenKeypoints(tmp_path / 'keypoints.json')

    return write


def frame(source='photos/a.jpg'):
    return Frame(np.zeros((60, 80, 3), np.uint8), 'a', source)


def test_people_of_the_image_by_the_names_of_their_joints(write):
    (people,) = write()([frame()])
    assert people.bboxes.tolist() == [[5, 6, 25, 46]]  # the other is outside
    (person,) = people.persons()
    wrist = person['keypoints'][SMPL_54.index('right_wrist')]
    assert wrist.tolist() == [10, 20, 1] and person['keypoints'][:, 2].sum() == 1
    assert 'det_keypoints' not in person and 'is outside' in str(people.problems[0])


def test_people_without_keypoints_are_kept_and_what_is_left_out_is_said(tmp_path):
    known = dict(image_id=1, category_id=1, bbox=[5, 6, 20, 40])
    people = [
        dict(known, id=1, keypoints=[10, 20, 0.4, 0, 0, 0]),
        dict(known, id=2, keypoints=[10, 20, 0, 0, 0, 0]),
        dict(known, id=3, keypoints=[10, 20, 2, 0, 0, 0], iscrowd=1),
    ]
    content = dict(
        images=[dict(id=1, file_name='a.jpg', height=60, width=80)],
        annotations=people,
        categories=[dict(id=1, name='person', keypoints=['right_wrist', 'tail'])],
    )
    path = tmp_path / 'keypoints.json'
    path.write_text(json.dumps(content))
    given = GivenKeypoints(path)
    (found,) = given([frame()])
    assert found.bboxes.tolist() == [[5, 6, 25, 46]] * 2
    assert found.given_keypoints[:, :, 2].sum(1).tolist() == [0.4, 0]
    (note,) = given.notes
    assert str(path) in note and '1 crowds' in note and 'unknown joints (tail)' in note
    (annotated,) = GivenKeypoints(path, only_annotated=True)([frame()])
    assert len(annotated) == 1 and len(annotated.given_keypoints) == 1


def test_an_image_of_another_size_is_refused(write):
    (people,) = write(size=(120, 160))([frame()])
    (problem,) = people.problems
    assert len(people) == 0 and 'has 80 x 60 pixels' in str(problem) and '160 x 120' in str(problem)


def test_an_unknown_image_is_named(write):
    (people,) = write()([frame('photos/b.jpg')])
    (problem,) = people.problems
    assert str(problem).startswith('photos/b.jpg has no entry in') and 'keypoints.json' in str(problem)


def test_files_that_are_not_keypoints(tmp_path):
    with pytest.raises(BadInputError, match='none.json'):
        GivenKeypoints(tmp_path / 'none.json')
    (tmp_path / 'list.json').write_text('[]')
    with pytest.raises(BadInputError, match='list.json'):
        GivenKeypoints(tmp_path / 'list.json')
