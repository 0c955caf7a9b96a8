import colorsys
from itertools import combinations

import numpy as np
import pytest

from mmroi.visualization import PALETTE, person_colors
from mmroi.visualization.colors import as_colors, linear_color


def test_colors_depend_on_the_id_alone():
    everyone = person_colors(range(40))
    assert person_colors([17, 3]) == [everyone[17], everyone[3]] and person_colors([]) == []
    assert everyone[: len(PALETTE)] == list(PALETTE)
    assert person_colors(np.array([5])) == [PALETTE[5]] and len(person_colors([-1])) == 1


def test_people_who_follow_each_other_look_different():
    everyone = person_colors(range(60))
    assert len(set(everyone)) == 60
    assert all(isinstance(c, int) and 0 <= c <= 255 for color in everyone for c in color)
    hues = [colorsys.rgb_to_hls(*(c / 255 for c in color[::-1]))[0] for color in everyone]
    for start in range(len(PALETTE), 55):
        for one, other in combinations(hues[start : start + 5], 2):
            assert min(abs(one - other), 1 - abs(one - other)) > 0.08


def test_colors_of_a_picture():
    np.testing.assert_array_equal(as_colors(None, 2), PALETTE[:2])
    np.testing.assert_array_equal(as_colors(np.array([[1.0, 2.4, 255]]), 1), [[1, 2, 255]])
    assert as_colors([], 0).shape == (0, 3)
    for bad in ([(1, 2, 3)], [(1, 2), (3, 4)], [(0, 0, 256)] * 2, [(0, 0, -1)] * 2, [(0, 0, np.nan)] * 2):
        with pytest.raises(ValueError, match='for each of 2 people'):
            as_colors(bad, 2)


def test_linear_light_by_hand():
    """The ends, the middle, and the value at which the curve of sRGB changes."""
    np.testing.assert_allclose(linear_color([0, 255, 188]), [0, 1, 0.5029], atol=1e-4)
    np.testing.assert_allclose(linear_color(np.array([[10.0]])), 10 / 255 / 12.92)
