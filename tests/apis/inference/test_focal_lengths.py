import math
import re

import pytest

from mmroi.apis.inference.focal_lengths import question_focal_length


@pytest.mark.parametrize(
    'focal_length, expected',
    [
        (25, '145 degrees for 128 x 96 pixels; .* 160 pixels. If it is 25 mm .*, give 92 pixels'),
        (9999, r'0\.917 degrees .* 160 pixels$'),
    ],
)
def test_implausible_angles_are_questioned(focal_length: float, expected: str) -> None:
    question = question_focal_length(focal_length, 96, 128)  # the diagonal is 160
    assert question.startswith(f'a focal length of {focal_length:g} pixels means an angle of view of ')

    assert re.search(expected, question)


def test_the_angle_is_that_of_the_diagonal() -> None:
    limit = 80 / math.tan(math.radians(125 / 2))
    assert question_focal_length(limit * 1.001, 96, 128) is None
    assert question_focal_length(limit * 0.999, 96, 128) is not None
    assert question_focal_length(160, 96, 128) is None
