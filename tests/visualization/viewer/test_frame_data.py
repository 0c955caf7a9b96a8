import base64
import json

import cv2
import numpy as np
import pytest
import torch

from mmroi.visualization.viewer.frame_data import encode_faces, encode_frame, quantize, to_json


def decode(mesh):
    numbers = np.frombuffer(base64.b64decode(mesh['data']), '<u2').reshape(-1, 3)
    return np.array(mesh['low']) + np.array(mesh['step']) * numbers


def read_frame(frame, **options):
    return json.loads(encode_frame(frame, **(dict(topology=0, photo_size=1920, quality=90) | options)))


def test_quantized_body_is_within_half_a_step(body):
    vertices = body[0]
    extent = np.ptp(vertices, axis=0)
    error = np.abs(decode(quantize(vertices)) - vertices).max(axis=0)
    assert (error <= extent / 131070 * (1 + 1e-6)).all()
    assert error.max() < 1.5e-5  # the meters that the documentation names


@pytest.mark.parametrize(
    'vertices',
    [np.zeros((0, 3)), np.full((4, 3), 2.5), np.array([[0, 1, 2.0], [0, 5, 2]])],
    ids=['nothing', 'point', 'line'],
)
def test_bodies_without_extent(vertices):
    assert np.allclose(decode(quantize(vertices)), vertices, atol=1e-4)


def test_decoded_frame_is_the_frame(make_frame, body):
    frame = make_frame([[-0.4, 0, 4], [0.4, 0.1, 6]], focal_length=512.25)
    data = read_frame(frame)
    assert data['name'] == 'photo' and data['size'] == [480, 360] and data['focalLength'] == 512.25
    assert [person['color'] for person in data['people']] == ['#e62828', '#28e628']
    for i, person in enumerate(data['people']):
        # numbers are written with seven digits
        assert np.allclose(decode(person['mesh']), frame.vertices[i], atol=2e-5)
        assert np.allclose(person['boxes'], frame.boxes[i])
        assert np.allclose(person['cameras'], frame.full_cameras[i])


def test_deviations_are_whole_millimeters(make_frame, body):
    std = np.linspace(0, 0.3, len(body[0]))
    (person,) = read_frame(make_frame([0, 0, 4], std=std[None]))['people']
    decoded = np.frombuffer(base64.b64decode(person['std']), np.uint8)
    np.testing.assert_allclose(decoded, np.minimum(1000 * std, 255), atol=0.5)
    assert read_frame(make_frame([0, 0, 4]))['people'][0]['std'] is None


def test_cameras_that_agree_are_at_the_origin(make_frame):
    people = read_frame(make_frame([[-0.4, 0, 4], [0.4, 0.1, 6]]))['people']
    assert np.allclose([person['positions'] for person in people], 0, atol=1e-6)


def test_camera_of_a_roi_lies_where_it_sees_the_standing_body(make_frame):
    # The translation need not be the average of the RoIs' cameras.
    frame = make_frame(
        [0, 0, 6],
        boxes=np.full((1, 2, 3), 100.0),
        camera_translation=np.array([[0.5, 0.3, 6.0]]),
        full_cameras=np.array([[[0.0, 0.2, 4.0], [1.0, 0.2, 12.0]]]),
    )
    positions = read_frame(frame)['people'][0]['positions']
    assert np.allclose(positions, [[0.5, 0.1, 2], [-0.5, 0.1, -6]], atol=1e-6)


def test_photo_is_a_jpeg_within_the_size(make_frame):
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8), (0, 0), 9)
    for size, shape in ((1920, (200, 300)), (150, (100, 150))):
        kind, data = read_frame(make_frame([], image=image), photo_size=size)['photo'].split(',')
        assert kind == 'data:image/jpeg;base64'
        photo = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert photo.shape[:2] == shape
        small = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - photo).mean() < 2


def test_faces_take_as_many_bytes_as_they_need():
    for largest, bits in ((65535, 16), (65536, 32)):
        faces = np.array([[0, 1, largest]])
        data = json.loads(encode_faces(faces))
        assert data['bits'] == bits
        assert np.frombuffer(base64.b64decode(data['data']), f'<u{bits // 8}').tolist() == faces[0].tolist()


def test_json_is_harmless_and_plain():
    value = {
        '</script><!--&\u2028': np.float32(1.5),
        'many': torch.tensor([[1.0, float('nan')]]),
        'none': None,
        'flag': np.bool_(True),
        'count': np.int64(3),
        'pair': (np.inf, '\\u0041"'),
        'other': 2 + 1j,
    }
    text = to_json(value)
    assert not set(text) & set('<>&\u2028')
    assert json.loads(text) == {
        '</script><!--&\u2028': 1.5,
        'many': [[1.0, None]],
        'none': None,
        'flag': True,
        'count': 3,
        'pair': [None, '\\u0041"'],
        'other': '(2+1j)',
    }
