import numpy as np
import pytest

from mmroi.evaluation import KeypointAccuracy, PersonKeypoints
from mmroi.evaluation.keypoint_accuracy import bootstrap_intervals
from mmroi.structures import SMPL_54

NOSE, ANKLE = SMPL_54.index('nose'), SMPL_54.index('left_ankle')


def make_person(errors, image='a.jpg', found=True, mean_pose=1.0):
    """Person in a box of 60 x 100 pixels, whose joints are off by these fractions of 100."""
    annotated, predicted = np.zeros((54, 3)), np.full((54, 2), 7.0)
    for joint, error in errors.items():
        annotated[joint] = 50, 40, 1
        predicted[joint] = 50 + 60 * error, 40 - 80 * error
    bbox = np.array([10.0, 20, 70, 120])
    if not found:
        return PersonKeypoints(image, 1, bbox, annotated)
    return PersonKeypoints(image, 1, bbox, annotated, predicted, annotated[:, :2] + 100 * mean_pose, 0.9)


def test_errors_of_a_person_by_hand():
    person = make_person({NOSE: 0.08, ANKLE: 0.3})
    assert person.size == 100
    assert person.errors[[NOSE, ANKLE]] == pytest.approx([0.08, 0.3])
    assert np.isnan(np.delete(person.errors, [NOSE, ANKLE])).all()
    assert person.mean_error == pytest.approx(0.19)
    assert [person.pck(threshold) for threshold in (0.05, 0.1, 0.31)] == [0, 50, 100]
    assert person.mean_pose_errors[NOSE] == pytest.approx(2**0.5)


def test_the_threshold_is_exclusive_as_that_of_pck_in_3d():
    person = make_person({NOSE: 0.0})
    assert person.errors[NOSE] == 0 and person.pck(0.0) == 0 and person.pck(1e-9) == 100


def test_a_missed_person_is_wrong_in_every_joint():
    person = make_person({NOSE: 0.0, ANKLE: 0.0}, found=False)
    assert not person.found and person.pck(1e6) == 0 and person.mean_error == np.inf


def test_joints_are_pooled():
    people = [make_person({NOSE: 0.01}), make_person({NOSE: 0.07, ANKLE: 0.15}, 'b.jpg')]
    accuracy = KeypointAccuracy(people, (0.05, 0.1))
    assert accuracy.per_joint().columns == ('joint', 'annotations', 'PCK@0.05', 'PCK@0.1')
    assert accuracy.per_joint().rows == [('left_ankle', 1, 0, 0), ('nose', 2, 50, 100)]
    summary = accuracy.summary()
    counts = {key: summary[key] for key in ('images', 'people', 'found', 'joints')}
    assert counts == dict(images=2, people=2, found=2, joints=3)
    assert [row['PCK'] for row in summary['PCK']['all']] == pytest.approx([100 / 3, 200 / 3])
    assert summary['PCK']['found'] == summary['PCK']['all']
    assert [row['PCK'] for row in summary['PCK']['mean_pose']] == [0, 0]


def test_over_the_found_and_over_all():
    people = [make_person({NOSE: 0.01, ANKLE: 0.01}), make_person({NOSE: 0, ANKLE: 0}, found=False)]
    summary = KeypointAccuracy(people, (0.1,)).summary()
    assert summary['found'] == 1
    assert summary['PCK']['all'][0]['PCK'] == 50 and summary['PCK']['found'][0]['PCK'] == 100
    assert list(KeypointAccuracy(people[1:]).summary()['PCK']) == ['all']


def test_intervals():
    rng = np.random.default_rng(1)
    errors = np.where(rng.random((300, 54)) < 0.3, 0.0, 1.0)
    ((low, high),) = bootstrap_intervals(errors, [str(i) for i in range(300)], (0.5,))
    spread = 1.96 * 100 * np.sqrt(0.3 * 0.7 / errors.size)
    assert (high - low) / 2 == pytest.approx(spread, rel=0.15)
    assert (low + high) / 2 == pytest.approx(100 * (errors < 0.5).mean(), abs=0.2)
    assert bootstrap_intervals(errors, ['a'] * 300, (0.5,))[0] == pytest.approx(
        [100 * (errors < 0.5).mean()] * 2
    )
    images = [str(i // 100) for i in range(300)]
    first, again, other = (bootstrap_intervals(errors, images, (0.5,), 20, seed) for seed in (0, 0, 1))
    assert first == again != other


def test_people_of_an_image_are_drawn_together():
    """Copies of a person in the same image are no further evidence."""
    errors = np.where(np.arange(20)[:, None] % 2 == 0, 0.0, np.ones((20, 54)))
    images = [str(i) for i in range(20)]
    copied = bootstrap_intervals(np.repeat(errors, 3, axis=0), np.repeat(images, 3).tolist(), (0.5,))
    assert copied == bootstrap_intervals(errors, images, (0.5,))


def test_bad_arguments():
    with pytest.raises(ValueError, match='at least one person'):
        KeypointAccuracy([])
    with pytest.raises(ValueError, match=r'thresholds of PCK must be positive, not \[0.1, -1\]'):
        KeypointAccuracy([make_person({NOSE: 0})], [0.1, -1])
