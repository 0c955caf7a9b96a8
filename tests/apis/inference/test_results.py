import json

import numpy as np
import pytest
import torch

from mmroi.apis.inference import BadInput, Frame, FrameResult, People, RunSummary
from mmroi.apis.inference.results import REMEDIES, frame_arrays, frame_dict, person_arrays
from mmroi.structures import COCO_17, SMPL_54

BAD = BadInput('b.jpg', 'is empty; copy it again')


def test_geometry_of_a_result(make_result, photo):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    assert result.ids == [0, 1] and result.boxes.shape == result.full_cameras.shape == (2, 2, 3)
    predicted = result.samples[1].pred_instances
    np.testing.assert_allclose(
        result.vertices[1] - predicted.camera_translation.numpy(), predicted.vertices[0].numpy(), atol=1e-5
    )


def test_nobody(photo):
    result = FrameResult(Frame(photo, 'a', 'a.jpg'), [])
    assert result.ids == [] and len(result.vertices) == len(result.boxes) == len(result.full_cameras) == 0


def test_summary_counts(make_result, photo):
    frame, summary = Frame(photo, 'a', 'a.jpg'), RunSummary()
    for result in (make_result(frame), BAD, FrameResult(frame, []), FrameResult(frame, [], (BAD,))):
        summary.add(result)
    assert summary.lines() == [
        '2 people in 3 images',
        'no person found in 2 of them: a, a',
        REMEDIES,
        'box not used: b.jpg is empty; copy it again',
        'failed: b.jpg is empty; copy it again',
    ]
    assert summary.lines(1)[1] == 'no person found in 2 of them: a, ...'
    summary.detected = False
    assert REMEDIES not in summary.lines()


@pytest.mark.parametrize(
    ('results', 'succeeded'),
    [
        (['people'], True),
        (['nobody'], True),
        (['people', 'wrong box'], True),
        (['wrong box'], False),
        (['people', 'bad'], False),
        ([], False),
    ],
)
def test_success(make_result, photo, results, succeeded):
    frame = Frame(photo, 'a', 'a.jpg')
    kinds = {
        'people': make_result(frame),
        'nobody': FrameResult(frame, []),
        'bad': BAD,
        'wrong box': FrameResult(frame, [], (BAD,)),
    }
    summary = RunSummary()
    for name in results:
        summary.add(kinds[name])
    assert summary.succeeded is succeeded


def test_parameters_pose_the_same_body(make_result, photo, body):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    arrays = frame_arrays(result, vertices=True)
    posed = body(
        *(
            torch.tensor(arrays[name])
            for name in ('global_orient', 'body_pose', 'betas', 'camera_translation')
        )
    )
    np.testing.assert_allclose(posed.vertices.numpy(), result.vertices, atol=1e-5)
    np.testing.assert_allclose(arrays['vertices'] + arrays['camera_translation'][:, None], result.vertices)
    assert 'vertices' not in frame_arrays(result)


def test_joints_on_the_photo(make_result, photo):
    person = person_arrays(make_result(Frame(photo, 'a', 'a.jpg')).samples[1])
    x, y, z = person['joints3d'][7] + person['camera_translation']
    np.testing.assert_allclose(person['joints2d'][7], (400 * x / z + 120, 400 * y / z + 100), rtol=1e-5)


def test_json(make_result, photo):
    result = make_result(Frame(photo, 'clip_000002', 'clip.mp4', 2, 'clip', 0.08))
    content = json.loads(json.dumps(frame_dict(result), allow_nan=False))
    assert (content['name'], content['video'], content['index'], content['time']) == (
        'clip_000002',
        'clip',
        2,
        0.08,
    )
    assert content['image_size'] == [200, 240] and content['focal_length'] == 400
    assert content['focal_length_from'] == 'given' and content['joint_names'] == list(SMPL_54)
    second = content['people'][1]
    assert second['track_id'] == 1 and second['bbox_score'] == 0.5
    for name, value in person_arrays(result.samples[1]).items():
        np.testing.assert_allclose(second[name], value, atol=1e-6)


def test_arrays_and_json_of_nobody(photo):
    result = FrameResult(Frame(photo, 'a', 'a.jpg'), [])
    assert frame_arrays(result).keys() == {'image_size'}
    content = frame_dict(result)
    assert content['people'] == [] and content['focal_length'] is None


def test_keypoints_of_the_detector(make_result, photo):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    assert 'det_keypoints' not in frame_dict(result)['people'][0]  # of given boxes
    assert 'det_keypoints' not in frame_arrays(result)
    found = np.random.default_rng(0).uniform(0, 200, (2, 17, 3))
    people = People(np.zeros((2, 4)), np.ones(2), keypoints=found)
    for sample, person in zip(result.samples, people.persons(), strict=True):
        sample.set_metainfo(person)
    content = json.loads(json.dumps(frame_dict(result)))
    assert content['det_keypoint_names'] == list(COCO_17)
    read = np.array([person['det_keypoints'] for person in content['people']])
    np.testing.assert_allclose(read, found, atol=1e-6)
    np.testing.assert_array_equal(frame_arrays(result)['det_keypoints'], found)
