import numpy as np
import pytest


@pytest.mark.parametrize(
    'fields, message',
    [
        (dict(image=np.zeros((4, 4), np.uint8)), 'image must be'),
        (dict(image=np.zeros((4, 4, 3))), 'float64'),
        (dict(image=np.zeros((0, 4, 3), np.uint8)), 'image must be'),
        (dict(vertices=np.zeros((6890, 3))), 'vertices must be'),
        (dict(vertices=np.zeros((1, 5, 3))), 'do not exist'),
        (dict(vertices=np.full((1, 6890, 3), np.nan)), 'vertices has NaN'),
        (dict(faces=np.zeros((4, 4), int)), 'faces must be'),
        (dict(faces=np.array([[0, 1, -1]])), 'do not exist'),
        (dict(boxes=np.zeros((1, 4, 3))), 'boxes and full_cameras'),
        (dict(boxes=np.zeros((2, 5, 3)), full_cameras=np.zeros((2, 5, 3))), 'P = 1'),
        (dict(full_cameras=np.full((1, 5, 3), np.inf)), 'full_cameras has NaN'),
        (dict(camera_translation=np.zeros((2, 3))), r'camera_translation must be \(1, 3\)'),
        (dict(camera_translation=np.full((1, 3), np.nan)), 'camera_translation has NaN'),
        (dict(colors=[]), 'colors has 0 entries for 1 people'),
        (dict(ids=[1, 2]), 'ids has 2'),
        (dict(parameters=[{}, {}]), 'parameters has 2'),
        (dict(std=np.zeros((1, 24))), r'std must be \(1, 6890\)'),
        (dict(std=np.full((1, 6890), np.nan)), 'std has NaN'),
        (dict(focal_length=0.0), 'must be positive'),
        (dict(principal_point=(np.nan, 0.0)), 'principal_point has NaN'),
    ],
)
def test_bad_input_is_named(make_frame, fields, message):
    with pytest.raises(ValueError, match=f"frame 'photo': .*{message}"):
        make_frame([0, 0, 5], **fields)


def test_nobody_and_no_parameters_are_allowed(make_frame):
    assert len(make_frame([]).vertices) == 0
    assert make_frame([0, 0, 5], parameters=()).parameters == ()
