"""What MMPose writes for images and videos."""

import json
import os

import numpy as np
import pytest

from mmroi.apis.inference import BadInputError, Frame
from mmroi.apis.inference.mmpose_people import MMPosePeople
from mmroi.structures import COCO_17, SMPL_54


def instance(x=10.0, count=17):
    points = [[x + i, 20.0] for i in range(count)]
    scores = [0.5] * count
    return dict(keypoints=points, keypoint_scores=scores, bbox=[[x, 5, x + 30, 50]], bbox_score=0.9)


def frame(source='in/a.jpg', index=0):
    return Frame(np.zeros((60, 80, 3), np.uint8), 'a', source, index)


def test_an_image(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps([instance(), instance(30, 133)]))
    (people,) = MMPosePeople(tmp_path)([frame()])
    assert (
        people.bboxes.tolist() == [[10, 5, 40, 50], [30, 5, 60, 50]] and people.scores.tolist() == [0.9] * 2
    )
    wrist = COCO_17.index('left_wrist')
    assert people.given_keypoints[:, SMPL_54.index('left_wrist')].tolist() == [
        [10 + wrist, 20, 0.5],
        [30 + wrist, 20, 0.5],
    ]
    assert (people.given_keypoints[..., 2] > 0).sum() == 34


def test_scores(tmp_path):
    weak = dict(instance(30), bbox_score=0.2)
    (tmp_path / 'a.json').write_text(json.dumps([instance(), weak]))
    (people,) = MMPosePeople(tmp_path, 0.5)([frame()])
    assert people.scores.tolist() == [0.9] and len(people.given_keypoints) == 1
    (people,) = MMPosePeople(tmp_path, 0.95)([frame()])
    assert len(people) == 0 and not people.problems


def test_a_video(tmp_path):
    frames = [dict(frame_id=0, instances=[instance()]), dict(frame_id=2, instances=[instance(30)])]
    (tmp_path / 'clip.json').write_text(json.dumps(frames))
    found = MMPosePeople(tmp_path)([frame('clip.mp4', i) for i in range(3)])
    assert [len(people) for people in found] == [1, 0, 1] and found[2].bboxes[0, 0] == 30


def test_a_file_that_has_changed_is_read_again(tmp_path):
    people = []
    for time, x in enumerate((10.0, 30.0)):
        (tmp_path / 'a.json').write_text(json.dumps([instance(x)]))
        os.utime(tmp_path / 'a.json', (time, time))
        people += MMPosePeople(tmp_path)([frame()])
    assert [one.bboxes[0, 0] for one in people] == [10, 30]


def test_a_box_outside_the_image_is_left_out_and_said(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps([instance(9000), instance(30)]))
    (people,) = MMPosePeople(tmp_path)([frame()])
    assert people.bboxes[:, 0].tolist() == [30] and 'is outside' in str(people.problems[0])
    assert people.given_keypoints[:, SMPL_54.index('nose'), 0].tolist() == [30]


def test_an_image_without_a_file(tmp_path):
    (tmp_path / 'b.json').write_text('[]')
    found = MMPosePeople(tmp_path)([frame(), frame('b.png')])
    assert [len(people) for people in found] == [0, 0]
    assert 'has no file' in str(found[0].problems[0]) and not found[1].problems


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"a": 1}', 'was not written by MMPose'),
        ('nonsense', 'was not written by MMPose'),
        (json.dumps([dict(keypoints=[[1, 2]])]), 'lacks keypoints, keypoint_scores or bbox'),
        (json.dumps([instance(count=16)]), 'has 16 keypoints, and 17'),
    ],
)
def test_other_files(tmp_path, content, message):
    (tmp_path / 'a.json').write_text(content)
    with pytest.raises(BadInputError, match=f'a.json {message}'):
        MMPosePeople(tmp_path)([frame()])


def test_a_folder_without_files(tmp_path):
    with pytest.raises(BadInputError, match='has no JSON files'):
        MMPosePeople(tmp_path)
