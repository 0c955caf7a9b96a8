import numpy as np

from mmroi.structures import SMPL_54
from mmroi.visualization.keypoint_errors import HEIGHT, WIDTH, PredictedMesh, draw_keypoint_errors

BAR = 24  # height of the title


def test_the_mesh_and_both_kinds_of_joints_lie_where_they_should(body):
    """The camera of the whole image and that of the panel show the body at the same place of the box."""
    vertices, faces = body
    focal, center = 300.0, np.array([100.0, 80.0])
    pixels = vertices[:, :2] / vertices[:, 2:] * focal + center
    bbox = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    annotated = np.zeros((54, 3))
    annotated[SMPL_54.index('nose')] = *bbox[:2], 1
    joints = np.tile(bbox[2:], (54, 1))
    mesh = PredictedMesh(vertices, faces, focal, center, joints)
    image = np.full((160, 200, 3), 20, np.uint8)
    picture = draw_keypoint_errors(image, bbox, annotated, mesh, 'a 1')
    assert picture.shape == (HEIGHT + BAR, 2 * WIDTH, 3)
    plain = draw_keypoint_errors(image, bbox, annotated * 0, mesh, 'a 1')
    changed = np.abs(plain[BAR:, WIDTH:].astype(int) - 20).max(axis=2) > 30
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # The box is the middle 1 / 1.35 of the panel's height, because the body is tall.
    size = bbox[2:] - bbox[:2]
    scale = HEIGHT / (1.35 * size[1])
    assert np.allclose(
        [rows[0], rows[-1]], [HEIGHT / 2 - scale * size[1] / 2, HEIGHT / 2 + scale * size[1] / 2], atol=3
    )
    assert np.allclose(
        [columns[0], columns[-1]], [WIDTH / 2 - scale * size[0] / 2, WIDTH / 2 + scale * size[0] / 2], atol=3
    )
    low = np.array([WIDTH, HEIGHT]) / 2 - scale * size / 2
    x, y = np.rint(low).astype(int)
    assert picture[BAR + y, WIDTH + x].min() > 200  # annotated: white


def test_a_missed_person_at_the_border_has_a_picture_too():
    image = np.full((50, 60, 3), 90, np.uint8)
    annotated = np.zeros((54, 3))
    annotated[0] = 2, 3, 1
    picture = draw_keypoint_errors(image, np.array([-5.0, -5, 10, 90]), annotated, None, 'not found')
    assert picture.shape == (HEIGHT + BAR, 2 * WIDTH, 3)
    assert (picture[BAR:, :WIDTH] != picture[BAR:, WIDTH:]).any()
