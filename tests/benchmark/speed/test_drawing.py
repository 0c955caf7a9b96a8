import numpy as np

from mmroi.benchmark.speed.drawing import drawing_calls, stand_in_a_row


def test_people_are_as_tall_as_the_frame_and_every_other_one_farther_away():
    width, height = 320, 180
    vertices, joints, faces = stand_in_a_row(2, width, height)
    assert vertices.shape[0] == joints.shape[0] == 2 and faces.max() < vertices.shape[1]
    focal_length = np.hypot(width, height)
    depth = joints[1, 0, 2] - joints[0, 0, 2]
    np.testing.assert_allclose(depth, 0.5, rtol=1e-5)
    extent = np.ptp(vertices[..., 1], axis=1) * focal_length / joints[:, 0, 2]
    assert abs(extent[0] / height - 1) < 0.1 and extent[1] < extent[0]
    assert vertices[0, :, 0].mean() < 0 < vertices[1, :, 0].mean()


def test_what_the_calls_draw_and_write(tmp_path):
    calls = drawing_calls(2, 320, 180, tmp_path)
    assert list(calls) == ['overlay', 'side view', 'top view', 'cameras', 'RoIs', 'keypoints', '.glb file',
                           '.obj file', '.ply file']  # fmt: skip
    overlay = calls['overlay']()
    assert overlay.shape == (180, 320, 3)
    people = (overlay.max(axis=-1).astype(int) - overlay.min(axis=-1)) > 30  # the image is gray
    assert people[:, :160].any(axis=1).mean() > 0.95 > people[:, 160:].any(axis=1).mean() > 0.7
    for name in ('.glb file', '.obj file', '.ply file'):
        assert calls[name]() is None
    assert {path.suffix for path in tmp_path.iterdir()} == {'.glb', '.obj', '.mtl', '.ply'}
