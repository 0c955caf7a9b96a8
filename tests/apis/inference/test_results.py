import json
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
import torch

from mmroi.apis.inference import BadInput, Frame, FrameResult, People, RunSummary, results
from mmroi.apis.inference.pictures import viewer_frame
from mmroi.apis.inference.results import REMEDIES, frame_arrays, frame_dict, person_arrays
from mmroi.structures import COCO_17, SMPL_54

SCHEMA = Path(results.__file__).with_name('predictions.schema.json')
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
    ('names', 'succeeded'),
    [
        (['people'], True),
        (['nobody'], True),
        (['people', 'wrong box'], True),
        (['wrong box'], False),
        (['people', 'bad'], False),
        ([], False),
    ],
)
def test_success(make_result, photo, names, succeeded):
    frame = Frame(photo, 'a', 'a.jpg')
    kinds = {
        'people': make_result(frame),
        'nobody': FrameResult(frame, []),
        'bad': BAD,
        'wrong box': FrameResult(frame, [], (BAD,)),
    }
    summary = RunSummary()
    for name in names:
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


def test_camera_matrix_projects_the_joints(make_result, photo):
    """As OpenCV does with K, the extrinsics and no distortion."""
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    arrays, content = frame_arrays(result), frame_dict(result)
    for camera in (arrays, {name: np.array(content[name]) for name in ('K', 'extrinsics', 'image_size')}):
        assert camera['K'].tolist() == [[400, 0, 120], [0, 400, 100], [0, 0, 1]]
        assert camera['image_size'].tolist() == [200, 240]
        rotation, translation = camera['extrinsics'][:3, :3], camera['extrinsics'][:3, 3]
        points = arrays['joints3d'] + arrays['camera_translation'][:, None]
        pixels, _ = cv2.projectPoints(points.reshape(-1, 3), rotation, translation, camera['K'], None)
        np.testing.assert_allclose(pixels.reshape(2, 54, 2), arrays['joints2d'], atol=1e-3)


@pytest.mark.parametrize('people', [0, 1, 2])
@pytest.mark.parametrize('video', [None, 'clip'])
def test_json_follows_its_schema(make_result, photo, people, video):
    result = make_result(Frame(photo, 'a', 'a.jpg', 3, video, 0.1 if video else None))
    for sample in result.samples[:1]:
        sample.set_metainfo(dict(det_keypoints=np.ones((17, 3)), refinement=refinement()))
        sample.pred_instances.joints_std = torch.full((1, 24), 0.04)
    content = json.loads(json.dumps(frame_dict(FrameResult(result.frame, result.samples[:people]))))
    schema = json.loads(SCHEMA.read_text(encoding='utf-8'))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    assert content['schema_version'] == schema['properties']['schema_version']['const']
    # it describes every key, and all but one are always there
    assert set(content) == set(schema['required']) == set(schema['properties'])
    person = schema['$defs']['person']
    assert set(person['properties']) - set(person['required']) == {
        'det_keypoints',
        'refinement',
        'joints_std',
    }
    for wrong in (dict(content, more=1), dict(content, K=[1, 2]), dict(content, people=[{}])):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_deviations_of_joints_where_the_network_says_them(make_result, photo, body):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    assert 'joints_std' not in frame_arrays(result) and 'joints_std' not in frame_dict(result)['people'][0]
    assert viewer_frame(result, body.faces, 100, body.skinning_weights.numpy()).std is None
    for sample in result.samples:
        sample.pred_instances.joints_std = torch.linspace(0.01, 0.24, 24)[None] * (1 + sample.track_id)
    assert frame_arrays(result)['joints_std'].shape == (2, 24)
    assert frame_dict(result)['people'][1]['joints_std'][:2] == [0.02, 0.04]
    frame = viewer_frame(result, body.faces, 100, body.skinning_weights.numpy())
    assert frame.std.shape == (2, 6890) and frame.std.min() >= 0.01 and frame.std.max() <= 0.48
    np.testing.assert_allclose(frame.std[1], 2 * frame.std[0], rtol=1e-5)
    # the tip of the nose follows the head, joint 15
    np.testing.assert_allclose(frame.std[0, 332], 0.16, rtol=0.01)
    assert 'joints_std' in frame.parameters[0]


def refinement():
    """Of a person with one keypoint."""
    distances = np.full(54, np.nan)
    distances[7] = 2.5
    return dict(
        status='kept: too few keypoints',
        before=2.5,
        after=np.nan,
        distances=distances,
        joint_std=np.full(24, 0.0251234567),
    )


def test_refinement_of_each_person(make_result, photo):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    for sample, status in zip(result.samples, ('refined', 'kept: too few keypoints'), strict=True):
        sample.set_metainfo(dict(refinement=dict(refinement(), status=status)))
    arrays = frame_arrays(result)
    assert arrays['refinement_status'].tolist() == ['refined', 'kept: too few keypoints']
    assert arrays['refinement_status'].dtype.kind == 'U'  # needs no pickle
    assert arrays['refinement_joint_std'].shape == (2, 24) and arrays['refinement_distances'].shape == (2, 54)
    note = json.loads(json.dumps(frame_dict(result), allow_nan=False))['people'][1]['refinement']
    assert (note['status'], note['before'], note['after']) == ('kept: too few keypoints', 2.5, None)
    assert note['distances'][6:9] == [None, 2.5, None] and note['joint_std'][0] == 0.025123


def test_the_summary_tells_who_was_refined(make_result, photo):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    result.samples[0].set_metainfo(
        dict(refinement=dict(refinement(), status='refined', before=14.2, after=3))
    )
    result.samples[1].set_metainfo(dict(refinement=refinement()))
    summary = RunSummary()
    summary.add(result)
    assert summary.lines()[1:4] == [
        'refinement: 1 refined, 1 kept: too few keypoints',
        'median distance of keypoints, refined people: 14.2 -> 3.0 pixels',
        'as the network predicted: a, person 1: too few keypoints, 2.5 pixels off',
    ]


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
    assert frame_arrays(result).keys() == {'image_size', 'extrinsics', 'body_model'}
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
