import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmroi.apis.inference import Frame, IoUTracker
from mmroi.apis.inference.smoothing import SMOOTHED, Motion, OneEuro
from mmroi.geometry import axis_angle_to_matrix

RATE = 30


def casiez(values: np.ndarray, min_cutoff: float, beta: float, speed_cutoff: float) -> list[float]:
    """Algorithm 1 of the paper, for one number at a time."""

    def alpha(cutoff: float) -> float:
        return 1 / (1 + RATE / (2 * math.pi * cutoff))

    found, speed = [float(values[0])], 0.0
    for value in values[1:]:
        derivative = (value - found[-1]) * RATE
        speed = alpha(speed_cutoff) * derivative + (1 - alpha(speed_cutoff)) * speed
        share = alpha(min_cutoff + beta * abs(speed))
        found.append(share * value + (1 - share) * found[-1])
    return found


def run(smooth: OneEuro, name: str, values: np.ndarray) -> np.ndarray:
    return np.stack([smooth(0, i / RATE, {name: value})[name] for i, value in enumerate(values)])


@pytest.fixture
def noisy() -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.sin(np.arange(90) / RATE * 4) + generator.normal(0, 0.05, 90)


def test_the_papers_algorithm(noisy: np.ndarray) -> None:
    found = run(OneEuro(0.8, 1.7, 0.6), 'betas', noisy[:, None])
    np.testing.assert_allclose(found[:, 0], casiez(noisy, 0.8, 1.7, 0.6), atol=1e-12)


def test_rotations_about_one_axis_are_filtered_as_their_angles(noisy: np.ndarray) -> None:
    axis = np.array([2.0, -1, 2]) / 3
    matrices = Rotation.from_rotvec(noisy[:, None] * axis).as_matrix()
    found = run(OneEuro(0.8, 1.7, 0.6), 'global_orient', matrices)
    expected = Rotation.from_rotvec(np.array(casiez(noisy, 0.8, 1.7, 0.6))[:, None] * axis).as_matrix()
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_many_rotations_stay_rotations_and_depend_on_no_frame_of_reference() -> None:
    generator = np.random.default_rng(1)
    pose = Rotation.random(23, rng=generator)
    poses = np.stack(
        [(pose * Rotation.from_rotvec(generator.normal(0, 0.2, (23, 3)))).as_matrix() for _ in range(20)]
    )
    found = run(OneEuro(), 'body_pose', poses)
    assert found.shape == (20, 23, 3, 3) and found.dtype == np.float64
    np.testing.assert_allclose(
        found @ found.swapaxes(-1, -2), np.broadcast_to(np.eye(3), found.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(found), 1)
    left, right = Rotation.random(2, rng=generator).as_matrix()
    np.testing.assert_allclose(
        run(OneEuro(), 'body_pose', left @ poses @ right), left @ found @ right, atol=1e-9
    )


def test_turns_beyond_half_a_turn_do_not_jump_back() -> None:
    angles = np.linspace(0, 4 * np.pi, 300)
    matrices = Rotation.from_rotvec(angles[:, None] * [0, 0, 1.0]).as_matrix()
    found = run(OneEuro(), 'global_orient', matrices)
    steps = Rotation.from_matrix(found[:-1].swapaxes(-1, -2) @ found[1:]).magnitude()
    assert steps.max() < 0.1


def test_rest_does_not_tremble_and_motion_does_not_lag() -> None:
    noise = np.random.default_rng(2).normal(0, 0.02, (150, 3))
    still = run(OneEuro(), 'camera_translation', noise)
    assert still[30:].std() < 0.5 * noise[30:].std()
    moving = np.arange(150)[:, None] / RATE * np.array([2.0, 0, 0])  # 2 m/s
    lag = moving - run(OneEuro(), 'camera_translation', moving)
    assert (
        abs(lag[-1, 0]) < 0.15
        and np.abs(lag - moving + run(OneEuro(beta=0.0), 'camera_translation', moving)).max() > 0.1
    )


def test_a_vector_is_filtered_whatever_its_axes_are(noisy: np.ndarray) -> None:
    points = np.stack([noisy, noisy**2, np.cos(noisy)], -1)
    turn = Rotation.random(rng=np.random.default_rng(3)).as_matrix()
    np.testing.assert_allclose(
        run(OneEuro(), 'camera_translation', points @ turn),
        run(OneEuro(), 'camera_translation', points) @ turn,
        atol=1e-12,
    )


def test_people_are_apart_and_those_who_left_start_anew() -> None:
    smooth = OneEuro(max_gap=1.0)
    smooth(1, 0.0, dict(betas=np.zeros(10)))
    np.testing.assert_array_equal(smooth(2, 0.1, dict(betas=np.ones(10)))['betas'], np.ones(10))
    between = smooth(1, 0.5, dict(betas=np.ones(10)))['betas']
    assert (between > 0).all() and (between < 1).all()
    np.testing.assert_array_equal(smooth(1, 1.6, dict(betas=np.full(10, 7)))['betas'], np.full(10, 7.0))
    assert smooth._states.keys() == {1}  # nothing is kept of who is gone


def test_a_constant_stays_and_inputs_are_not_changed() -> None:
    smooth, value = OneEuro(), np.array([1.0, 2, 3])
    for i in range(5):
        found = smooth(0, float(i) / RATE, dict(betas=value))['betas']
        np.testing.assert_array_equal(found, [1, 2, 3])
        found += 1
    np.testing.assert_array_equal(value, [1, 2, 3])


def test_time_must_go_on() -> None:
    smooth = OneEuro()
    smooth(0, 1.0, dict(betas=np.zeros(10)))
    with pytest.raises(ValueError, match='frames must follow each other: 1.0 s after 1.0 s'):
        smooth(0, 1.0, dict(betas=np.zeros(10)))


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

    ids, samples = play(Motion(body, IoUTracker, lambda: smoother), None, 0)
    plain = play(Motion(body, IoUTracker), None, 0)[1]
    assert ids == [0, 1]
    for one, other in zip(samples, plain, strict=True):
        assert torch.equal(one.pred_instances.vertices, other.pred_instances.vertices)
