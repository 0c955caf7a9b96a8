"""Intervals of paired differences against what is known of them."""

import numpy as np
import pytest

from mmroi.evaluation.paired_bootstrap import paired_difference

random = np.random.default_rng


def crossed(generator, seeds=10, people=400, of_seed=1.0, of_person=20.0, rest=10.0):
    """Differences of a crossed design with zero mean, and errors that have them."""
    differences = (
        generator.normal(0, of_seed, (seeds, 1))
        + generator.normal(0, of_person, (1, people))
        + generator.normal(0, rest, (seeds, people))
    )
    reference = generator.normal(100, 30, (seeds, people))
    return list(reference + differences), list(reference)


def test_a_constant_difference_is_certain():
    reference = list(random(0).normal(100, 30, (3, 50)))
    found = paired_difference([errors - 4 for errors in reference], reference)
    assert (found.mean, found.low, found.high) == pytest.approx((-4, -4, -4))
    assert found.is_clear and (found.seeds, found.people) == (3, 50)
    same = paired_difference(reference, reference)
    assert (same.mean, same.low, same.high, same.is_clear) == (0, 0, 0, False)


def test_exchanging_the_methods_changes_the_sign():
    errors, reference = crossed(random(1), people=100)
    one, other = paired_difference(errors, reference), paired_difference(reference, errors)
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low), abs=0.15)


def test_with_one_seed_it_is_the_interval_of_a_mean():
    difference = random(2).normal(3, 20, 1000)
    found = paired_difference([difference], [np.zeros(1000)])
    half = 1.96 * difference.std(ddof=1) / 1000**0.5
    assert found.mean == pytest.approx(difference.mean())
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half), abs=0.15)


def test_the_width_is_that_of_the_crossed_design():
    seeds, people = 40, 400
    errors, reference = crossed(random(3), seeds, people)
    found = paired_difference(errors, reference)
    # Var = s^2 / S + p^2 / P + terms of the rest, which a crossed bootstrap counts about three times.
    variance = 1 / seeds + 20**2 / people + 3 * 10**2 / (seeds * people)
    assert found.high - found.low == pytest.approx(2 * 1.96 * variance**0.5, rel=0.15)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = [
        (found := paired_difference(*crossed(random(seed), people=60), seed=seed)).low <= 0 <= found.high
        for seed in range(60)
    ]
    assert 0.85 <= np.mean(held) <= 1


def test_people_of_one_image_are_drawn_together():
    """Four people with the same difference tell as much as one."""
    of_image = random(4).normal(3, 20, 200)
    images = random(5).permutation(np.repeat([f'{i}.jpg' for i in range(200)], 4))
    people = 3 * [of_image[[int(name[:-4]) for name in images]]]  # of three seeds that agree
    zeros = list(np.zeros((3, 800)))
    together = paired_difference(people, zeros, images)
    alone = paired_difference(people, zeros)
    assert together.mean == pytest.approx(alone.mean)
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(2, rel=0.1)
    assert paired_difference(people, zeros, np.full(800, 'a.jpg')).is_clear is False


def test_people_without_an_error_are_left_out():
    errors, reference = [np.array([1.0, np.nan, 5.0])], [np.array([0.0, 1.0, np.nan])]
    found = paired_difference(errors, reference, np.array(['a', 'b', 'b']))
    assert (found.mean, found.people) == (1, 1) and not found.is_clear
    with pytest.raises(ValueError, match='nobody has an error'):
        paired_difference([np.array([np.nan])], [np.array([1.0])])


@pytest.mark.parametrize('shapes', [((2, 3), (1, 3)), ((1, 3), (1, 4))])
def test_what_is_not_paired_is_refused(shapes):
    with pytest.raises(ValueError, match='the same seeds and the same people'):
        paired_difference(*(list(np.zeros(shape)) for shape in shapes))
