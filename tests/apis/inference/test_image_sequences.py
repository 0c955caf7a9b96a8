from pathlib import Path

import cv2
import numpy as np
import pytest

from mmroi.apis.inference import BadInput, BadInputError, Frame, open_inputs
from mmroi.apis.inference.image_sequences import natural_order


@pytest.fixture
def folder(tmp_path):
    """Ten images, whose gray tells their number, and one that is none."""
    folder = tmp_path / 'läuft'
    folder.mkdir()
    for number in range(1, 11):
        cv2.imwrite(str(folder / f'{number}.png'), np.full((8, 6, 3), number, np.uint8))
    (folder / '3.png').write_bytes(b'no image')
    cv2.imwrite(str(folder / '5.png'), np.zeros((6, 8, 3), np.uint8))
    return folder


def test_a_folder_is_a_video_with_gaps_where_images_are_bad(folder):
    inputs = open_inputs(folder, fps=4)
    assert len(inputs) == 10
    items = list(inputs)
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.name for frame in frames] == ['1', '2', '4', '6', '7', '8', '9', '10']
    assert [frame.image[0, 0, 0] for frame in frames] == [1, 2, 4, 6, 7, 8, 9, 10]
    assert [frame.time for frame in frames] == [0, 0.25, 0.75, 1.25, 1.5, 1.75, 2, 2.25]
    assert {(frame.video, frame.fps) for frame in frames} == {('läuft', 4)}
    unreadable, other_size = (item for item in items if isinstance(item, BadInput))
    assert '3.png cannot be decoded' in str(unreadable)
    assert '5.png has 8 x 6 pixels, the first image of the sequence 6 x 8; give images of one size' in str(
        other_size
    )


def test_lists_of_files_and_arrays_are_sequences_too(folder, tmp_path):
    (tmp_path / 'b').mkdir()
    for name in ('läuft_2.png', 'läuft_1.png'):
        cv2.imwrite(str(tmp_path / 'b' / name), np.zeros((8, 6, 3), np.uint8))
    image = np.zeros((8, 6, 3), np.uint8)
    inputs = [str(folder / '2.png'), tmp_path / 'b', image, folder / '1.png', image]
    frames = list(open_inputs(inputs, fps=1))
    assert [(frame.video, frame.name) for frame in frames] == [
        ('läuft', '1'),
        ('läuft', '2'),
        ('b', 'läuft_1'),
        ('b', 'läuft_2'),
        ('images', 'array'),
        ('images', 'array_2'),
    ]
    assert [frame.time for frame in frames] == [0, 1] * 3


def test_order():
    names = ['b.png', '10.png', 'a10b2.png', 'a2.png', '9.png', 'a10b1.png', '010.png']
    found = sorted(map(Path, names), key=natural_order)
    assert [str(path) for path in found] == [
        '9.png', '10.png', '010.png', 'a2.png', 'a10b1.png', 'a10b2.png', 'b.png',
    ]  # fmt: skip


@pytest.mark.parametrize('fps', [0, -1, float('nan'), float('inf')])
def test_bad_rates(folder, fps):
    with pytest.raises(BadInputError, match=f'frame rate is {fps}; give a positive number'):
        open_inputs(folder, fps=fps)
