import math
import re

import numpy as np
import pytest

from mmroi.datasets.focal_lengths import question_focal_length, question_focal_lengths


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


def test_a_file_is_questioned_by_the_least_size_of_its_images() -> None:
    """Boxes of 90 x 90 that end at (120, 160), 200 pixels from the corner: the image is no smaller."""
    bbox = np.tile((30.0, 70.0, 90.0, 90.0), (5, 1))
    limit = 100 / math.tan(math.radians(125 / 2))
    assert question_focal_lengths(np.full(5, limit * 1.001), bbox) is None
    row, angle = question_focal_lengths(np.array([400, 400, *[limit * 0.999] * 3]), bbox)
    assert row == 2 and angle == pytest.approx(125, abs=0.1)
    assert question_focal_lengths(np.array([400, 400, 400, 35, 35.0]), bbox) is None  # two of five
    # the longer of two; an image of 480 x 640 around the principal point
    pairs = np.tile((1.0, limit * 1.001), (5, 1))
    assert question_focal_lengths(pairs, bbox) is None
    row, angle = question_focal_lengths(pairs, bbox, np.tile((240.0, 320.0), (5, 1)))
    assert row == 0 and angle == pytest.approx(2 * math.degrees(math.atan(400 / (limit * 1.001))))


def test_small_crops_of_large_images_pass() -> None:
    """Of a 1920 x 1080 image with its diagonal as focal length, wherever the crop lies."""
    rng = np.random.default_rng(0)
    corners = rng.uniform((0, 0), (1880, 1020), (100, 2))  # of crops of 40 x 60 pixels
    bbox = np.tile((0.0, 0.0, 40.0, 60.0), (100, 1))
    assert question_focal_lengths(np.full(100, math.hypot(1920, 1080)), bbox, (960, 540) - corners) is None
    assert question_focal_lengths(np.full(100, math.hypot(40, 60)), bbox) is None
