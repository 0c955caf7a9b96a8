import json

import numpy as np
import torch

from mmroi.apis.inference import Frame, FrameResult
from mmroi.apis.inference.predictions import person_arrays, picture_arrays, picture_dict
from mmroi.structures import SMPL_54


def test_parameters_pose_the_same_body(make_result, photo, body):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    arrays = picture_arrays(result, vertices=True)
    posed = body(
        *(
            torch.tensor(arrays[name])
            for name in ('global_orient', 'body_pose', 'betas', 'camera_translation')
        )
    )
    np.testing.assert_allclose(posed.vertices.numpy(), result.vertices, atol=1e-5)
    np.testing.assert_allclose(arrays['vertices'] + arrays['camera_translation'][:, None], result.vertices)
    assert 'vertices' not in picture_arrays(result)


def test_joints_on_the_photo(make_result, photo):
    person = person_arrays(make_result(Frame(photo, 'a', 'a.jpg')).samples[1])
    x, y, z = person['joints3d'][7] + person['camera_translation']
    np.testing.assert_allclose(person['joints2d'][7], (400 * x / z + 120, 400 * y / z + 100), rtol=1e-5)


def test_json(make_result, photo):
    result = make_result(Frame(photo, 'clip_000002', 'clip.mp4', 2, 'clip', 0.08))
    content = json.loads(json.dumps(picture_dict(result), allow_nan=False))
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


def test_nobody(photo):
    result = FrameResult(Frame(photo, 'a', 'a.jpg'), [])
    assert picture_arrays(result).keys() == {'image_size'}
    content = picture_dict(result)
    assert content['people'] == [] and content['focal_length'] is None
