import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmroi.visualization.animation import Track
from mmroi.visualization.animation.clips import measure_fps

from .conftest import FPS


def angle(first, second):
    return Rotation.from_matrix(np.swapaxes(first, -1, -2) @ second).magnitude()


def test_frames_without_a_gap_stay_as_they_are(clip, parameters, body):
    poses, betas, translations = parameters
    expected = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(9, 24, 3, 3)
    np.testing.assert_allclose(clip.rotations, expected, atol=1e-6)
    np.testing.assert_allclose(clip.betas, betas.mean(0), atol=1e-6)
    assert (clip.name, len(clip), clip.fps, clip.start) == ('dance', 9, FPS, 0)
    assert not clip.interpolated.any()


def test_the_root_joint_stays_where_the_betas_of_each_frame_put_it(clip, pose):
    np.testing.assert_allclose(clip.root, pose()[1][:, 0], atol=1e-5)


def test_short_gaps_are_interpolated(make_track, body, clip):
    (found,) = make_track([0, 1, 4, 5, 6, 7, 8]).clips(body, 'a', FPS)
    assert len(found) == 9 and np.flatnonzero(found.interpolated).tolist() == [2, 3]
    np.testing.assert_allclose(found.root[2], (2 * found.root[1] + found.root[4]) / 3, atol=1e-9)
    whole = angle(found.rotations[1, 16], found.rotations[4, 16])
    assert angle(found.rotations[1, 16], found.rotations[2, 16]) == pytest.approx(whole / 3)
    assert angle(found.rotations[2, 16], found.rotations[3, 16]) == pytest.approx(whole / 3)
    kept = ~found.interpolated
    np.testing.assert_allclose(found.rotations[kept], clip.rotations[kept], atol=1e-6)


def test_long_gaps_separate_clips(make_track, body):
    """Three frames are missing, then two."""
    first, second = make_track([0, 1, 5, 8]).clips(body, 'a', FPS, max_gap=2 / FPS)
    assert (first.name, len(first)) == ('a', 2) and (second.name, len(second)) == ('a_part_2', 4)
    assert first.start == 0 and second.start == pytest.approx(5 / FPS)
    assert second.interpolated.tolist() == [False, True, True, False]
    np.testing.assert_array_equal(first.betas, second.betas)


def test_one_frame(make_track, body):
    (found,) = make_track([3]).clips(body, 'a', FPS)
    assert len(found) == 1 and found.start == pytest.approx(3 / FPS) and not found.interpolated.any()


def test_rounded_time_stamps_leave_frames_alone(make_track, body, clip):
    times = [round(frame / FPS, 2) + 0.001 * (frame % 2) for frame in range(9)]
    (found,) = make_track(times=times).clips(body, 'a', FPS)
    np.testing.assert_allclose(found.rotations, clip.rotations, atol=1e-6)


def test_variable_frame_rates_are_resampled(make_track, body, clip):
    """Frames 0, 1, 2.5, 3.5, ... of a motion of constant speed between its ends."""
    places = np.array([0, 1, 2.5, 3.5, 4, 5, 6, 7.5, 8])
    (found,) = make_track(times=list(places / FPS)).clips(body, 'a', FPS)
    assert len(found) == 9 and not found.interpolated.any()
    np.testing.assert_allclose(found.root[[0, 1, 4, 5, 6, 8]], clip.root[[0, 1, 4, 5, 6, 8]], atol=1e-9)
    np.testing.assert_allclose(found.root[2], clip.root[1] / 3 + clip.root[2] * 2 / 3, atol=1e-9)
    np.testing.assert_allclose(found.root[3], (clip.root[2] + clip.root[3]) / 2, atol=1e-9)


def test_thinned(clip):
    thin = clip.thinned(4)
    assert len(thin) == 3 and thin.fps == FPS / 4
    np.testing.assert_array_equal(thin.root, clip.root[[0, 4, 8]])
    np.testing.assert_allclose(thin.times, clip.times[[0, 4, 8]])


def test_measured_frame_rates():
    assert measure_fps([0.5], [15]) is None
    assert measure_fps([0.0, 0.033, 0.067, 0.1], range(4)) == pytest.approx(30)
    assert measure_fps([0.1, 0.2], [3, 6]) == pytest.approx(30)  # two of four could not be read


def test_bad_tracks(make_track, body):
    with pytest.raises(ValueError, match='a: there is no frame'):
        Track().clips(body, 'a', FPS)
    with pytest.raises(ValueError, match='frames must follow each other: 0.08 s after 0.08 s'):
        make_track([2, 2])
