import numpy as np
import pytest
import torch

from mmroi.apis.inference import Frame, IoUTracker
from mmroi.apis.inference.motion import SMOOTHED, Motion
from mmroi.geometry import axis_angle_to_matrix


@pytest.fixture
def play(body, make_result, photo):
    """play(motion, video, index, order) -> ids after a frame with two people in that order."""

    def step(motion, video, index, order=(0, 1)):
        frame = Frame(photo, f'{video}_{index}', 'a', index, video, index / 25)
        result = make_result(frame)
        samples = [result.samples[i] for i in order]
        motion(frame, samples)
        return [sample.track_id for sample in samples], samples

    return step


def test_identities_hold_in_a_video_and_start_anew_in_the_next(body, play):
    motion = Motion(body, IoUTracker)
    assert play(motion, 'a', 0)[0] == [0, 1]
    assert play(motion, 'a', 1, (1, 0))[0] == [1, 0]
    assert play(motion, 'a', 2, (1,))[0] == [1]
    assert play(motion, 'b', 0, (1, 0))[0] == [0, 1]
    assert play(motion, None, 0, (1, 0))[0] == [0, 1]
    assert play(motion, 'b', 0, (0, 1))[0] == [0, 1]


def test_mesh_and_joints_follow_what_is_smoothed(body, play):
    turn = axis_angle_to_matrix(torch.tensor([0.1, 0.2, 0.3])).numpy()
    seen = []

    def smoother(track_id, time, values):
        seen.append((track_id, time, sorted(values)))
        return dict(values, global_orient=turn, camera_translation=np.array([1.0, 2, 3]))

    motion = Motion(body, IoUTracker, lambda: smoother)
    before = play(Motion(body, IoUTracker), 'a', 3)[1][0].pred_instances
    after = play(motion, 'a', 3)[1][0].pred_instances
    assert seen == [(0, 0.12, sorted(SMOOTHED)), (1, 0.12, sorted(SMOOTHED))]
    posed = body(torch.tensor(turn)[None].float(), before.body_pose, before.betas)
    torch.testing.assert_close(after.vertices, posed.vertices)
    torch.testing.assert_close(after.joints3d, posed.joints)
    torch.testing.assert_close(after.joints_h36m, posed.joints_h36m)
    assert after.camera_translation.tolist() == [[1, 2, 3]]
    torch.testing.assert_close(after.full_cameras, before.full_cameras)


def test_photos_are_not_smoothed(body, play):
    def smoother(track_id, time, values):
        raise AssertionError

    play(Motion(body, IoUTracker, lambda: smoother), None, 0)
