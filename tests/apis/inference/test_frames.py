import numpy as np
import pytest

from mmroi.apis.inference import BadInput, Frame
from mmroi.apis.inference.frames import group_frames


def frames(*sizes):
    return [Frame(np.zeros((1, size, 3), np.uint8), str(i), 'array') for i, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ('sizes', 'expected'),
    [
        ((10,) * 5, [3, 2]),
        (
            (60, 60, 10, 200, 10),
            [1, 2, 1, 1],
        ),  # more than 100 pixels never come together, a huge one comes alone
        ((), []),
    ],
)
def test_groups_are_bounded_in_number_and_pixels(sizes, expected):
    given = frames(*sizes)
    groups = list(group_frames(given, 3, 100))
    assert [len(group) for group in groups] == expected
    assert [frame for group in groups for frame in group] == given


def test_failures_keep_their_place():
    first, second = frames(60, 60)
    bad = BadInput('a', 'b')
    assert list(group_frames([first, bad, second], 9, 100)) == [[first, bad], [second]]


def test_a_full_group_does_not_wait_for_the_next_frame():
    def stream():
        yield from frames(10, 10)
        raise AssertionError('asked for more')

    assert len(next(group_frames(stream(), 2))) == 2
