"""Videos refined over a window of frames: jitter, lag, gaps, order and memory."""

import numpy as np
import pytest
import roma
import torch

from mmroi.apis.inference import BadInput, Frame
from mmroi.apis.inference.motion_refinement import MotionRefinement
from mmroi.apis.inference.results import Estimate, FrameResult
from mmroi.models.refiners import BodyState, pose_state
from mmroi.structures import Predictions

IMAGE = np.zeros((40, 40, 3), np.uint8)
ELBOW = 18


def frame(index, video='clip', rate=30):
    return Frame(IMAGE, f'{video}_{index}', 'clip.mp4', index, video, index / rate if video else None)


@pytest.fixture
def see(make_result, body):
    """see(frame, {identity: (angle of an elbow, x)}) -> refined people."""

    def make(moment, people, unknown=()):
        samples = make_result(moment, boxes=[(0.0, 0.0, 120.0)] * len(people)).samples
        estimates = []
        for sample, (identity, (angle, x)) in zip(samples, people.items(), strict=True):
            rotations = Predictions.from_instances(sample.pred_instances).rotations.double()
            rotations[:, ELBOW] = roma.rotvec_to_rotmat(torch.tensor([[0.0, angle, 0.0]]).double())
            place = torch.tensor([[x, 0.0, 4.0]]).double()
            state = BodyState.start(rotations, sample.pred_instances.betas.double(), place)
            boxes = torch.as_tensor(sample.boxes)[None]
            sample.pred_instances = pose_state(body, state, boxes, torch.tensor([400.0])).to_instances()
            sample.set_metainfo(dict(track_id=identity))
            information = 400 * torch.eye(85, dtype=torch.float64)
            estimates.append(Estimate(state, information * (torch.nan if identity in unknown else 1)))
        return FrameResult(moment, samples, (), estimates)

    return make


def angles(results, identity=0):
    """Angle of the elbow and x of a person in each frame."""
    found = []
    for result in results:
        for sample in result.samples:
            if sample.track_id == identity:
                elbow = sample.pred_instances.body_pose[0, ELBOW - 1].double()
                x = float(sample.pred_instances.camera_translation[0, 0])
                found.append((float(roma.rotmat_to_rotvec(elbow)[1]), x))
    return np.array(found)


def test_jitter_is_lower_and_steady_motion_does_not_lag(see, body):
    rng = np.random.default_rng(0)
    true = np.stack([0.05 * np.arange(20), 0.02 * np.arange(20)], axis=1)
    noisy = true + rng.normal(0, 0.05, true.shape)
    results = [see(frame(i), {0: tuple(row)}) for i, row in enumerate(noisy)]
    found = angles(MotionRefinement(body, 9)(results))
    assert np.abs(np.diff(found, n=2, axis=0)).mean() < 0.3 * np.abs(np.diff(noisy, n=2, axis=0)).mean()
    assert np.abs(found - true)[4:-4].mean() < 0.6 * np.abs(noisy - true)[4:-4].mean()
    steady = [see(frame(i), {0: tuple(row)}) for i, row in enumerate(true)]
    np.testing.assert_allclose(angles(MotionRefinement(body, 9)(steady)), true, atol=1e-4)


def test_all_parts_of_the_predictions_agree(see, body):
    results = [see(frame(i), {0: (0.1 * i**2, 0.0)}) for i in range(5)]
    for result in MotionRefinement(body, 3)(results):
        found = result.samples[0].pred_instances
        posed = body(found.global_orient, found.body_pose, found.betas)
        torch.testing.assert_close(found.vertices, posed.vertices)
        torch.testing.assert_close(found.joints3d, posed.joints)
        torch.testing.assert_close(found.full_cameras, found.camera_translation[:, None].expand(-1, 2, -1))
        assert not result.estimates


@pytest.mark.parametrize('why', ['gone', 'unreadable', 'unknown', 'another video'])
def test_nothing_reaches_across_a_gap(see, body, why):
    """The person stands still before and after it, but somewhere else."""
    before, after = (0.0, 0.0), (1.0, 0.5)
    results = [see(frame(i), {0: before, 1: (0.3, 0.3)}) for i in range(5)]
    if why == 'gone':
        results.append(see(frame(5), {1: (0.3, 0.3)}))
    elif why == 'unreadable':
        results.append(BadInput('clip.mp4', 'is damaged'))
    elif why == 'unknown':
        results.append(see(frame(5), {0: (9.0, 9.0), 1: (0.3, 0.3)}, unknown=[0]))
    video = 'other' if why == 'another video' else 'clip'
    results += [see(frame(i, video), {0: after, 1: (0.3, 0.3)}) for i in range(6, 11)]
    found = [r for r in MotionRefinement(body, 9)(results) if isinstance(r, FrameResult)]
    np.testing.assert_allclose(angles(found[:5]), [before] * 5, atol=1e-4)
    np.testing.assert_allclose(angles(found[-5:]), [after] * 5, atol=1e-4)
    np.testing.assert_allclose(angles(found, 1), [(0.3, 0.3)] * len(angles(found, 1)), atol=1e-4)


def test_one_frame_and_photos_are_left_as_they_are(see, body):
    results = [
        see(frame(0), {0: (0.3, 0.1)}),
        see(frame(0, None), {0: (0.9, 0.2)}),
        see(frame(0, 'b'), {0: (0, 0)}),
    ]
    before = [result.samples[0].pred_instances for result in results]
    found = list(MotionRefinement(body, 5)(results))
    assert [result.samples[0].pred_instances is old for result, old in zip(found, before, strict=True)] == [
        True
    ] * 3


def test_results_keep_their_order_and_wait_for_half_a_window(see, body):
    given = []

    def read():
        for i in range(12):
            given.append(i)
            yield see(frame(i), {0: (0.0, 0.0)})

    ahead = []
    for number, result in enumerate(MotionRefinement(body, 7)(read())):
        assert result.frame.index == number
        ahead.append(len(given) - number)
    assert ahead[:9] == [4] * 9 and ahead[9:] == [3, 2, 1]


@pytest.mark.parametrize('length', [1, 2, 8, -3, '9'])
def test_the_length_is_odd(body, length):
    with pytest.raises(ValueError, match=f'odd number of frames, at least 3, not {length!r}'):
        MotionRefinement(body, length)
